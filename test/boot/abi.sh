#!/bin/sh
# SPDX-License-Identifier: MIT
# In the guest: runs each ABI program, with marks between them. abi.sh SECONDS
for program in /test/abi/*; do
	echo "@@ begin ${program##*/}"
	timeout -s KILL "$1" "$program" </dev/null 2>&1
	printf "\n@@ end %d\n" $?
done
