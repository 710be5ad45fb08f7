// SPDX-License-Identifier: MIT
/* The runner: every test in a child process, so that a crash is one failure and not the end. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test/unit/unit.h"

bool unit_link, unit_long;
static unsigned passed, failed;
static bool stop_first; /* --first: the first failure is enough */

void unit_check_equal(uint64_t a, uint64_t b, const char *a_text, const char *b_text,
		      const char *file, int line)
{
	char text[200];

	if (a == b)
		return;
	snprintf(text, sizeof(text), "%s is %#llx, %s is %#llx", a_text, (unsigned long long)a,
		 b_text, (unsigned long long)b);
	sim_fail(file, line, text);
}

/* What the child says goes before the verdict, marked as a comment. */
static void print_marked(FILE *from)
{
	char line[1000];

	while (fgets(line, sizeof(line), from))
		printf("# %s", line);
	fclose(from);
}

static void run_child(const struct unit_suite *suite, const struct unit_test *test, bool link)
{
	alarm(unit_long ? 3600 : 900);
	unit_link = link;
	snprintf(sim_context, sizeof(sim_context), "%s.%s (%s): %s", suite->name, test->name,
		 link ? "link" : "no link", test->rule);
	sim_init(link, 1);
	test->run();
	sim_check_empty();
	exit(0);
}

static void run_one(const struct unit_suite *suite, const struct unit_test *test, bool link)
{
	int ends[2], status = 1;

	fflush(stdout);
	if (pipe(ends))
		abort();
	pid_t child = fork();
	if (child == 0) {
		dup2(ends[1], 1);
		dup2(ends[1], 2);
		close(ends[0]);
		close(ends[1]);
		run_child(suite, test, link);
	}
	close(ends[1]);
	print_marked(fdopen(ends[0], "r"));
	waitpid(child, &status, 0);
	passed += status == 0;
	failed += status != 0;
	printf("%s %s.%s%s\n", status ? "not ok" : "ok", suite->name, test->name,
	       test->once ? ""
	       : link     ? " linked"
			  : " filled");
}

int unit_main(int argc, char **argv, const struct unit_suite *const *suites)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--long") == 0 || strcmp(argv[i], "--first") == 0) {
			unit_long |= argv[i][2] == 'l';
			stop_first |= argv[i][2] == 'f';
			argv[i--] = argv[--argc];
		}
	for (; *suites; suites++)
		for (const struct unit_test *test = (*suites)->tests; test->name; test++) {
			if (stop_first && failed > 0)
				break;
			if (argc > 1 && !strstr(test->name, argv[1]) &&
			    strcmp((*suites)->name, argv[1]) != 0)
				continue;
			run_one(*suites, test, true);
			if (!test->once)
				run_one(*suites, test, false);
		}
	printf("%u passed, %u failed\n", passed, failed);
	return failed > 0;
}
