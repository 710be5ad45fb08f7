# SPDX-License-Identifier: MIT
# Take away or misplace each flush in shm/, one at a time: a test must fail.

mutate:
	@test/mutate/mutate

.PHONY: mutate
