// SPDX-License-Identifier: MIT
/* Two CPUs, by the clock. */

#include "operation.h"

const struct operation pair_operations[] = {
	{.name = NULL},
};
