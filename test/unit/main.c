// SPDX-License-Identifier: MIT
/* All unit suites. An argument chooses one suite, or the tests with that in their names. */

#include <stddef.h>

#include "test/unit/unit.h"

int main(int argc, char **argv)
{
	const struct unit_suite *const suites[] = {
		&cpu_suite,          &radix_suite, &object_suite, &mapping_suite, &middle_suite,
		&evict_suite,        &fail_suite,  &array_suite,  &ids_suite,     &segment_suite,
		&segment_race_suite, &table_suite, NULL,
	};

	return unit_main(argc, argv, suites);
}
