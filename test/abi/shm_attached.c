// SPDX-License-Identifier: MIT
/*
 * /proc/sysvipc/shm_attach: who is attached to what. Samepage's own; and
 * /proc/sysvipc/shm when it is long and read in pieces.
 */

#include "shm_test.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#define FILE_NAME "/proc/sysvipc/shm_attach"
#define SPAN      (2ul << 20)

static const char header[] =
	"     shmid    pid            address               length mode tables\n";

struct line {
	int shmid, pid;
	unsigned long address, length;
	char mode[8], tables[16];
};

/* All lines, as many as there is room for; how many there are. */
static int read_lines(struct line *lines, int room)
{
	FILE *file = fopen(FILE_NAME, "r");
	char text[256];
	int count = 0;

	if (!file)
		SKIP("only Samepage tells who is attached");
	CHECK(fgets(text, sizeof(text), file) != NULL);
	CHECK(!strcmp(text, header));
	while (fgets(text, sizeof(text), file)) {
		struct line line;
		CHECK_EQ(sscanf(text, "%d %d %lx %lu %7s %15s", &line.shmid, &line.pid,
				&line.address, &line.length, line.mode, line.tables),
			 6);
		CHECK(strlen(text) >= strlen("     shmid    pid            address               "
					     "length mode linked"));
		if (count < room)
			lines[count] = line;
		count++;
	}
	fclose(file);
	return count;
}

static void check_line(const struct line *line, int shmid, int pid, const void *address,
		       size_t length, const char *mode)
{
	CHECK_EQ(line->shmid, shmid);
	CHECK_EQ(line->pid, pid);
	CHECK_EQ(line->address, (uintptr_t)address);
	CHECK_EQ(line->length, length);
	CHECK(!strcmp(line->mode, mode));
}

static void nobody(void)
{
	struct line line;

	CHECK_EQ(read_lines(&line, 1), 0);
	int id = make_segment(PAGE, 0600);
	CHECK_EQ(read_lines(&line, 1), 0);
	remove_segment(id);
}

static void one_line_each(void)
{
	struct line line[5];
	int id = make_segment(3 * PAGE + 1, 0600), other = make_segment(PAGE, 0600);
	char *where = free_range(64 * PAGE);

	CHECK_OK(shmat(id, where, 0));
	CHECK_OK(shmat(id, where + 10 * PAGE, SHM_RDONLY));
	CHECK_OK(shmat(other, where + 20 * PAGE, 0));
	CHECK_EQ(read_lines(line, 5), 3);
	check_line(&line[0], id, getpid(), where, 4 * PAGE, "rw");
	check_line(&line[1], id, getpid(), where + 10 * PAGE, 4 * PAGE, "ro");
	check_line(&line[2], other, getpid(), where + 20 * PAGE, PAGE, "rw");
	/* Pieces count as nattch counts them. */
	CHECK_OK(munmap(where + PAGE, PAGE));
	CHECK_EQ(read_lines(line, 5), 4);
	check_line(&line[0], id, getpid(), where, PAGE, "rw");
	check_line(&line[1], id, getpid(), where + 2 * PAGE, 2 * PAGE, "rw");
	CHECK_EQ(attachments(id), 3);
	CHECK_OK(shmdt(where));
	CHECK_EQ(read_lines(line, 5), 2);
	/* Removed, but still attached. */
	remove_segment(id);
	CHECK_EQ(read_lines(line, 5), 2);
	CHECK_EQ(line[0].shmid, id);
	CHECK_OK(shmdt(where + 10 * PAGE));
	CHECK_OK(shmdt(where + 20 * PAGE));
	CHECK_EQ(read_lines(line, 5), 0);
	remove_segment(other);
}

static void other_processes(void)
{
	struct line line[4];
	int id = make_segment(PAGE, 0600), go[2];
	char *p = attach(id, 0), byte;

	CHECK_OK(pipe(go));
	pid_t pid = CHECK_OK(fork());
	if (pid == 0) {
		close(go[1]);
		_exit(read(go[0], &byte, 1) != 0);
	}
	CHECK_EQ(read_lines(line, 4), 2);
	check_line(&line[0], id, getpid(), p, PAGE, "rw");
	check_line(&line[1], id, pid, p, PAGE, "rw");
	close(go[1]);
	abi_join(pid);
	CHECK_EQ(read_lines(line, 4), 1);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void shared_space_once(void)
{
	struct line line[4];
	int id = make_segment(PAGE, 0600);
	char *p = attach(id, 0);
	pid_t pid = vfork();

	if (pid == 0) {
		int count = read_lines(line, 4);
		_exit(count != 1 || line[0].pid != getppid());
	}
	int status;
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		_exit(77);
	CHECK_EQ(status, 0);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void linked_or_private(void)
{
	struct line line[4];
	int id = make_segment(2 * SPAN, 0600), small = make_segment(PAGE, 0600);

	if (read_lines(line, 4) || abi_samepage_counter("link") == 0)
		SKIP("linking is off");
	char *p = attach(id, 0), *q = attach(small, 0);
	for (int touched = 0; touched < 2; touched++) {
		CHECK_EQ(read_lines(line, 4), 2);
		for (int i = 0; i < 2; i++) {
			bool linked = touched && line[i].shmid == id;
			CHECK(!strcmp(line[i].tables, linked ? "linked" : "private"));
		}
		p[SPAN] = q[0] = 1;
	}
	CHECK_OK(shmdt(p));
	CHECK_OK(shmdt(q));
	remove_segment(id);
	remove_segment(small);
}

static void as_a_user(void *argument)
{
	struct line line[4];
	int id = *(int *)argument;

	abi_become(65534, 65534);
	/* Our own, and that of another user's process: the segment is readable to all. */
	CHECK_EQ(read_lines(line, 4), 2);
	CHECK_EQ(line[0].shmid, id);
	CHECK_EQ(line[1].shmid, id);
}

static void permission(void)
{
	int closed = make_segment(PAGE, 0600), open = make_segment(PAGE, 0604);
	char *p = attach(closed, 0), *q = attach(open, 0);
	struct line line[4];

	CHECK_EQ(read_lines(line, 4), 2);
	abi_in_child(as_a_user, &open);
	CHECK_OK(shmdt(p));
	CHECK_OK(shmdt(q));
	remove_segment(closed);
	remove_segment(open);
}

static void in_new_namespace(void *argument)
{
	struct line line[4];

	(void)argument;
	CHECK_EQ(read_lines(line, 4), 2); /* the parent's, and ours from fork */
	FILE *before = fopen(FILE_NAME, "r");
	CHECK(before != NULL);
	if (unshare(CLONE_NEWIPC))
		SKIP("cannot make an IPC namespace");
	CHECK_EQ(read_lines(line, 4), 0);
	int id = make_segment(PAGE, 0600);
	char *p = attach(id, 0), text[256];
	CHECK_EQ(read_lines(line, 4), 1);
	check_line(&line[0], id, getpid(), p, PAGE, "rw");
	/* Opened there, it shows what is there. */
	int count = 0;
	while (fgets(text, sizeof(text), before))
		count++;
	CHECK_EQ(count, 3);
	fclose(before);
}

static void of_a_namespace(void)
{
	int id = make_segment(PAGE, 0600);
	char *p = attach(id, 0);

	abi_in_child(in_new_namespace, NULL);
	CHECK_OK(shmdt(p));
	remove_segment(id);
}

static void many_lines(void)
{
	enum { COUNT = 3000 };
	static struct line lines[COUNT + 10];
	int id = make_segment(PAGE, 0600);
	char byte;

	read_lines(lines, 1);
	for (int i = 0; i < COUNT; i++)
		attach(id, i % 2 ? SHM_RDONLY : 0);
	CHECK_EQ(read_lines(lines, COUNT), COUNT);
	for (int i = 1; i < COUNT; i++)
		CHECK(lines[i].address > lines[i - 1].address);
	/* Byte by byte, and from the middle, it is the same text. */
	static char all[400000], again[400000];
	size_t length = 0;
	ssize_t got;
	int fd = CHECK_OK(open(FILE_NAME, O_RDONLY));
	while ((got = read(fd, all + length, sizeof(all) - length)) > 0)
		length += (size_t)got;
	CHECK_OK(lseek(fd, 0, SEEK_SET));
	for (size_t i = 0; i < 10000; i++)
		CHECK_EQ(read(fd, again + i, 1), 1);
	CHECK(!memcmp(all, again, 10000));
	CHECK_EQ(pread(fd, &byte, 1, (off_t)length - 1), 1);
	CHECK_EQ(byte, '\n');
	CHECK_EQ(pread(fd, &byte, 1, (off_t)length), 0);
	CHECK_EQ(pread(fd, &byte, 1, 1l << 40), 0);
	CHECK_EQ(pread(fd, again, 5000, 100000) > 0, 1);
	CHECK(!memcmp(all + 100000, again, 100));
	/* What goes while it is read is not missed. */
	CHECK_OK(lseek(fd, 0, SEEK_SET));
	CHECK_EQ(read(fd, again, 500), 500);
	for (int i = 0; i < COUNT; i++)
		CHECK_OK(shmdt((void *)lines[i].address));
	while ((got = read(fd, again, sizeof(again))) > 0)
		;
	CHECK_EQ(got, 0);
	close(fd);
	remove_segment(id);
}

static void many_segments(void)
{
	enum { COUNT = 2000 };
	static int id[COUNT];
	char line[512];
	int count = 0;

	/* In a fresh one the order of indices, which the report has, is that of making. */
	if (unshare(CLONE_NEWIPC))
		SKIP("no IPC namespaces");
	for (int i = 0; i < COUNT; i++)
		id[i] = make_segment(PAGE + (size_t)i, 0600);
	FILE *file = fopen("/proc/sysvipc/shm", "r");
	CHECK(file != NULL);
	CHECK(fgets(line, sizeof(line), file) != NULL);
	while (fgets(line, sizeof(line), file)) {
		int shmid;
		unsigned long size;
		CHECK_EQ(sscanf(line, "%*d %d %*o %lu", &shmid, &size), 2);
		/* By index, not in order of creation: indices go round. */
		CHECK(size >= PAGE && size < PAGE + COUNT);
		CHECK_EQ(shmid, id[size - PAGE]);
		count++;
	}
	CHECK_EQ(count, COUNT);
	fclose(file);
	for (int i = 0; i < COUNT; i++)
		remove_segment(id[i]);
}

const struct abi_case abi_cases[] = {
	CASE(nobody, "without attachments there is only the headline (Samepage's own)"),
	CASE(one_line_each, "a line for each attachment, as nattch counts (Samepage's own)"),
	CASE(other_processes, "in order of processes (Samepage's own)"),
	CASE(shared_space_once, "vfork's child and its parent are told once (Samepage's own)"),
	CASE(linked_or_private, "linked once the object's table shows (Samepage's own)"),
	CASE(permission, "who may not read a segment does not see it (Samepage's own)"),
	CASE(of_a_namespace, "the namespace's own, of where it was opened (Samepage's own)"),
	CASE(many_lines, "3,000 lines, however they are read (Samepage's own)"),
	CASE(many_segments, "/proc/sysvipc/shm of 2,000 segments: proc_sysvipc(5)"),
	CASES_END,
};
