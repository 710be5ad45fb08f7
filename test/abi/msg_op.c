// SPDX-License-Identifier: MIT
/* msgsnd(2), msgrcv(2): order, types, flags, full queues, waiting. */

#include "msg_test.h"

#include <limits.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#ifndef MSG_COPY
#define MSG_COPY 040000
#endif

static int queue; /* of the case; children inherit it */
static struct message buffer;

/* ---- without waiting ---- */

static void fields_follow(void)
{
	time_t before = time(NULL);

	queue = make_queue(0600);
	CHECK_EQ(send_letters(queue, 5, 'a', 100, 0), 0);
	struct msqid_ds ds = stat_queue(queue);
	CHECK_EQ(ds.msg_qnum, 1);
	CHECK_EQ(ds.__msg_cbytes, 100);
	CHECK_EQ(ds.msg_lspid, getpid());
	CHECK_EQ(ds.msg_lrpid, 0);
	CHECK(ds.msg_stime >= before);
	CHECK_EQ(ds.msg_rtime, 0);
	CHECK_EQ(msgrcv(queue, &buffer, TEXT_MAX, 0, 0), 100);
	CHECK_EQ(buffer.type, 5);
	CHECK_EQ(buffer.text[99], 'a');
	CHECK_EQ(buffer.text[100], 0);
	ds = stat_queue(queue);
	CHECK_EQ(ds.msg_qnum, 0);
	CHECK_EQ(ds.__msg_cbytes, 0);
	CHECK_EQ(ds.msg_lrpid, getpid());
	CHECK(ds.msg_rtime >= before);
	remove_queue(queue);
}

static void first_in_first_out(void)
{
	queue = make_queue(0600);
	for (int i = 0; i < 26; i++)
		CHECK_OK(send_letters(queue, 1 + i % 3, (char)('a' + i), 1, 0));
	for (int i = 0; i < 26; i++)
		CHECK_EQ(receive_letter(queue, 0, 0), 'a' + i);
	remove_queue(queue);
}

static void by_type(void)
{
	queue = make_queue(0600);
	CHECK_OK(send_letters(queue, 3, 'a', 1, 0));
	CHECK_OK(send_letters(queue, 1, 'b', 1, 0));
	CHECK_OK(send_letters(queue, 3, 'c', 1, 0));
	CHECK_OK(send_letters(queue, LONG_MAX, 'd', 1, 0));
	CHECK_ERROR(msgrcv(queue, &buffer, 1, 2, IPC_NOWAIT), ENOMSG);
	CHECK_EQ(receive_letter(queue, 1, 0), 'b');
	CHECK_EQ(receive_letter(queue, LONG_MAX, 0), 'd');
	CHECK_EQ(receive_letter(queue, 3, 0), 'a');
	CHECK_EQ(receive_letter(queue, 3, 0), 'c');
	remove_queue(queue);
}

static void lowest_type(void)
{
	queue = make_queue(0600);
	CHECK_OK(send_letters(queue, 5, 'a', 1, 0));
	CHECK_OK(send_letters(queue, 2, 'b', 1, 0));
	CHECK_OK(send_letters(queue, 2, 'c', 1, 0));
	CHECK_OK(send_letters(queue, 9, 'd', 1, 0));
	CHECK_ERROR(msgrcv(queue, &buffer, 1, -1, IPC_NOWAIT), ENOMSG);
	CHECK_EQ(receive_letter(queue, -5, 0), 'b');
	CHECK_EQ(receive_letter(queue, -5, 0), 'c');
	CHECK_EQ(receive_letter(queue, -8, 0), 'a');
	CHECK_ERROR(msgrcv(queue, &buffer, 1, -8, IPC_NOWAIT), ENOMSG);
	CHECK_EQ(receive_letter(queue, LONG_MIN, 0), 'd');
	remove_queue(queue);
}

static void any_but_one_type(void)
{
	queue = make_queue(0600);
	CHECK_OK(send_letters(queue, 3, 'a', 1, 0));
	CHECK_OK(send_letters(queue, 4, 'b', 1, 0));
	CHECK_EQ(receive_letter(queue, 3, MSG_EXCEPT), 'b');
	CHECK_ERROR(msgrcv(queue, &buffer, 1, 3, MSG_EXCEPT | IPC_NOWAIT), ENOMSG);
	/* With type 0 it means nothing. */
	CHECK_EQ(receive_letter(queue, 0, MSG_EXCEPT), 'a');
	remove_queue(queue);
}

static void too_long_for_the_buffer(void)
{
	queue = make_queue(0600);
	CHECK_OK(send_letters(queue, 1, 'a', 10, 0));
	CHECK_ERROR(msgrcv(queue, &buffer, 9, 0, 0), E2BIG);
	CHECK_EQ(stat_queue(queue).msg_qnum, 1);
	CHECK_EQ(msgrcv(queue, &buffer, 4, 0, MSG_NOERROR), 4);
	CHECK_EQ(stat_queue(queue).msg_qnum, 0);
	CHECK_OK(send_letters(queue, 1, 'a', 10, 0));
	CHECK_EQ(msgrcv(queue, &buffer, 0, 0, MSG_NOERROR), 0);
	remove_queue(queue);
}

static void every_size(void)
{
	static const size_t sizes[] = {0, 1, 7, 8, 4000, 4040, 4048, 4056, 4096, 4097, 8191, 8192};
	struct message sent = {.type = 7};

	queue = make_queue(0600);
	for (size_t i = 0; i < sizeof(sent.text); i++)
		sent.text[i] = (char)(i * 7 + i / 256);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		CHECK_OK(msgsnd(queue, &sent, sizes[i], 0));
		memset(&buffer, 0x55, sizeof(buffer));
		CHECK_EQ(msgrcv(queue, &buffer, TEXT_MAX, 0, 0), sizes[i]);
		CHECK_EQ(memcmp(sent.text, buffer.text, sizes[i]), 0);
		CHECK_EQ(buffer.text[sizes[i]], 0x55);
		/* Cut off in the middle. */
		CHECK_OK(msgsnd(queue, &sent, sizes[i], 0));
		memset(&buffer, 0x55, sizeof(buffer));
		CHECK_EQ(msgrcv(queue, &buffer, sizes[i] / 2, 0, MSG_NOERROR), sizes[i] / 2);
		CHECK_EQ(memcmp(sent.text, buffer.text, sizes[i] / 2), 0);
		CHECK_EQ(buffer.text[sizes[i] / 2], 0x55);
	}
	remove_queue(queue);
}

static void bad_arguments(void)
{
	struct message *bad = (void *)8;

	queue = make_queue(0600);
	CHECK_ERROR(send_letters(queue, 0, 'a', 1, 0), EINVAL);
	CHECK_ERROR(send_letters(queue, -1, 'a', 1, 0), EINVAL);
	CHECK_ERROR(send_letters(queue, 1, 'a', TEXT_MAX + 1, 0), EINVAL);
	CHECK_ERROR(msgsnd(queue, &buffer, (size_t)-1, 0), EINVAL);
	CHECK_ERROR(send_letters(-1, 1, 'a', 1, 0), EINVAL);
	CHECK_ERROR(send_letters(queue + 1, 1, 'a', 1, 0), EINVAL);
	CHECK_ERROR(msgsnd(queue, bad, 1, 0), EFAULT);
	CHECK_ERROR(msgsnd(-1, bad, (size_t)-1, 0), EFAULT);
	CHECK_ERROR(msgrcv(-1, &buffer, 1, 0, 0), EINVAL);
	CHECK_ERROR(msgrcv(queue + 1, &buffer, 1, 0, 0), EINVAL);
	CHECK_ERROR(msgrcv(queue, &buffer, (size_t)-1, 0, IPC_NOWAIT), EINVAL);
	CHECK_ERROR(msgrcv(queue, bad, 1, 0, IPC_NOWAIT), ENOMSG);
	remove_queue(queue);
}

static void text_that_cannot_be_read(void)
{
	char *pages = CHECK_OK((char *)mmap(NULL, 8192, PROT_READ | PROT_WRITE,
					    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	long *message = (long *)(pages + 4096 - 16);

	CHECK_OK(munmap(pages + 4096, 4096));
	queue = make_queue(0600);
	*message = 1;
	CHECK_ERROR(msgsnd(queue, message, 9, 0), EFAULT);
	CHECK_EQ(stat_queue(queue).msg_qnum, 0);
	CHECK_OK(msgsnd(queue, message, 8, 0));
	/* Received where there is no room for it: it is gone. */
	CHECK_ERROR(msgrcv(queue, pages + 4096, 8, 0, 0), EFAULT);
	CHECK_EQ(stat_queue(queue).msg_qnum, 0);
	remove_queue(queue);
	CHECK_OK(munmap(pages, 4096));
}

static void full_of_bytes(void)
{
	queue = make_queue(0600);
	CHECK_OK(send_letters(queue, 1, 'a', TEXT_MAX, IPC_NOWAIT));
	CHECK_OK(send_letters(queue, 1, 'b', TEXT_MAX - 1, IPC_NOWAIT));
	CHECK_ERROR(send_letters(queue, 1, 'c', 2, IPC_NOWAIT), EAGAIN);
	CHECK_OK(send_letters(queue, 1, 'c', 1, IPC_NOWAIT));
	CHECK_ERROR(send_letters(queue, 1, 'd', 1, IPC_NOWAIT), EAGAIN);
	CHECK_OK(send_letters(queue, 1, 'd', 0, IPC_NOWAIT));
	CHECK_EQ(receive_letter(queue, 0, 0), 'a');
	CHECK_OK(send_letters(queue, 1, 'e', TEXT_MAX, IPC_NOWAIT));
	remove_queue(queue);
}

static void full_of_messages(void)
{
	queue = make_queue(0600);
	set_queue_bytes(queue, 5);
	for (int i = 0; i < 5; i++)
		CHECK_OK(send_letters(queue, 1, 'a', 0, IPC_NOWAIT));
	CHECK_ERROR(send_letters(queue, 1, 'a', 0, IPC_NOWAIT), EAGAIN);
	CHECK_EQ(msgrcv(queue, &buffer, 0, 0, 0), 0);
	CHECK_OK(send_letters(queue, 1, 'a', 0, IPC_NOWAIT));
	set_queue_bytes(queue, 0);
	CHECK_ERROR(send_letters(queue, 1, 'a', 0, IPC_NOWAIT), EAGAIN);
	CHECK_EQ(stat_queue(queue).msg_qnum, 5);
	remove_queue(queue);
}

static void copies(void)
{
	queue = make_queue(0600);
	CHECK_OK(send_letters(queue, 3, 'a', 10, 0));
	CHECK_OK(send_letters(queue, 4, 'b', 5000, 0));
	errno = 0;
	if (msgrcv(queue, &buffer, TEXT_MAX, 0, MSG_COPY | IPC_NOWAIT) < 0 && errno == ENOSYS) {
		remove_queue(queue);
		SKIP("Linux without CONFIG_CHECKPOINT_RESTORE");
	}
	CHECK_EQ(buffer.type, 3);
	CHECK_EQ(msgrcv(queue, &buffer, TEXT_MAX, 1, MSG_COPY | IPC_NOWAIT), 5000);
	CHECK_EQ(buffer.type, 4);
	CHECK_EQ(buffer.text[4999], 'b');
	CHECK_EQ(stat_queue(queue).msg_qnum, 2);
	CHECK_EQ(stat_queue(queue).msg_lrpid, 0);
	CHECK_ERROR(msgrcv(queue, &buffer, TEXT_MAX, 2, MSG_COPY | IPC_NOWAIT), ENOMSG);
	CHECK_ERROR(msgrcv(queue, &buffer, TEXT_MAX, 0, MSG_COPY), EINVAL);
	CHECK_ERROR(msgrcv(queue, &buffer, TEXT_MAX, 0, MSG_COPY | MSG_EXCEPT | IPC_NOWAIT),
		    EINVAL);
	CHECK_ERROR(msgrcv(queue, &buffer, 9, 0, MSG_COPY | IPC_NOWAIT), E2BIG);
	CHECK_ERROR(msgrcv(queue, &buffer, 9, 0, MSG_COPY | MSG_NOERROR | IPC_NOWAIT), EINVAL);
	CHECK_EQ(stat_queue(queue).msg_qnum, 2);
	remove_queue(queue);
}

/* ---- waiting ---- */

struct wanted {
	long type;
	int flags;
	size_t room;
	int letter; /* 0: error */
	int error;
};

static void receive(void *argument)
{
	const struct wanted *want = argument;

	if (want->letter)
		CHECK_EQ(receive_letter(queue, want->type, want->flags), want->letter);
	else
		CHECK_ERROR(msgrcv(queue, &buffer, want->room, want->type, want->flags),
			    want->error);
}

static pid_t receiver(struct wanted want)
{
	pid_t pid = abi_start(receive, &want);

	await_sleep(pid);
	return pid;
}

static void receiver_waits_for_its_type(void)
{
	queue = make_queue(0600);
	pid_t two = receiver((struct wanted){.type = 2, .letter = 'b'});
	pid_t any = receiver((struct wanted){.type = 0, .letter = 'a'});
	pid_t less = receiver((struct wanted){.type = -4, .letter = 'd'});
	pid_t other = receiver((struct wanted){.type = 7, .flags = MSG_EXCEPT, .letter = 'e'});
	CHECK_OK(send_letters(queue, 7, 'a', 1, 0));
	abi_join(any);
	/* It went straight to the receiver. */
	CHECK_EQ(stat_queue(queue).msg_lrpid, any);
	CHECK_OK(send_letters(queue, 7, 'c', 1, 0));
	CHECK_OK(send_letters(queue, 2, 'b', 1, 0));
	abi_join(two);
	CHECK_OK(send_letters(queue, 4, 'd', 1, 0));
	abi_join(less);
	CHECK_OK(send_letters(queue, 9, 'e', 1, 0));
	abi_join(other);
	CHECK_EQ(receive_letter(queue, 0, 0), 'c');
	CHECK_EQ(stat_queue(queue).msg_qnum, 0);
	remove_queue(queue);
}

static void receivers_in_order(void)
{
	queue = make_queue(0600);
	pid_t first = receiver((struct wanted){.letter = 'a'});
	pid_t second = receiver((struct wanted){.letter = 'b'});
	CHECK_OK(send_letters(queue, 1, 'a', 1, 0));
	CHECK_OK(send_letters(queue, 1, 'b', 1, 0));
	abi_join(first);
	abi_join(second);
	remove_queue(queue);
}

static void waiting_with_too_little_room(void)
{
	queue = make_queue(0600);
	pid_t small = receiver((struct wanted){.room = 3, .error = E2BIG});
	pid_t large = receiver((struct wanted){.letter = 'a'});
	CHECK_OK(send_letters(queue, 1, 'a', 4, 0));
	abi_join(small);
	abi_join(large);
	remove_queue(queue);
}

static void send_one(void *argument)
{
	const struct wanted *want = argument;

	CHECK_OK(send_letters(queue, 1, (char)want->letter, want->room, 0));
}

static pid_t sender(char letter, size_t size)
{
	struct wanted want = {.letter = letter, .room = size};
	pid_t pid = abi_start(send_one, &want);

	await_sleep(pid);
	return pid;
}

static void all_senders_are_served(void)
{
	unsigned seen = 0;

	queue = make_queue(0600);
	set_queue_bytes(queue, 10);
	CHECK_OK(send_letters(queue, 1, 'a', 10, 0));
	pid_t b = sender('b', 10), c = sender('c', 10), d = sender('d', 10);
	CHECK_EQ(receive_letter(queue, 0, 0), 'a');
	for (int i = 0; i < 3; i++) {
		int letter = receive_letter(queue, 0, 0);
		/* Linux wakes all that would fit, and they race; in Samepage there is an order. */
		if (abi_in_samepage())
			CHECK_EQ(letter, 'b' + i);
		seen |= 1u << (letter - 'a');
	}
	CHECK_EQ(seen, 2 | 4 | 8);
	abi_join(b);
	abi_join(c);
	abi_join(d);
	CHECK_EQ(stat_queue(queue).msg_qnum, 0);
	remove_queue(queue);
}

static void short_sender_overtakes(void)
{
	queue = make_queue(0600);
	set_queue_bytes(queue, 10);
	CHECK_OK(send_letters(queue, 1, 'a', 4, 0));
	CHECK_OK(send_letters(queue, 1, 'b', 6, 0));
	pid_t large = sender('c', 10), little = sender('d', 4);
	CHECK_EQ(receive_letter(queue, 0, 0), 'a');
	abi_join(little);
	CHECK_EQ(receive_letter(queue, 0, 0), 'b');
	CHECK_EQ(receive_letter(queue, 0, 0), 'd');
	abi_join(large);
	CHECK_EQ(receive_letter(queue, 0, 0), 'c');
	remove_queue(queue);
}

static void larger_limit_lets_senders_go(void)
{
	queue = make_queue(0600);
	set_queue_bytes(queue, 10);
	CHECK_OK(send_letters(queue, 1, 'a', 10, 0));
	pid_t pid = sender('b', 10);
	set_queue_bytes(queue, 20);
	abi_join(pid);
	CHECK_EQ(stat_queue(queue).msg_qnum, 2);
	remove_queue(queue);
}

static void forbidden_meanwhile(void *argument)
{
	(void)argument;
	abi_become(1000, 1000);
	CHECK_ERROR(msgrcv(queue, &buffer, 1, 0, 0), EACCES);
}

static void mode_is_looked_at_again(void)
{
	if (!abi_is_root())
		SKIP("needs another user");
	queue = make_queue(0606);
	pid_t pid = abi_start(forbidden_meanwhile, NULL);
	await_sleep(pid);
	struct msqid_ds ds = stat_queue(queue);
	ds.msg_perm.mode = 0600;
	CHECK_OK(msgctl(queue, IPC_SET, &ds));
	abi_join(pid);
	remove_queue(queue);
}

static void send_in_vain(void *argument)
{
	CHECK_ERROR(send_letters(queue, 1, 'x', 10, 0), *(int *)argument);
}

static void removal_wakes_all(void)
{
	int error = EIDRM;

	queue = make_queue(0600);
	set_queue_bytes(queue, 10);
	CHECK_OK(send_letters(queue, 1, 'a', 10, 0));
	pid_t a = abi_start(send_in_vain, &error);
	await_sleep(a);
	pid_t b = receiver((struct wanted){.type = 2, .error = EIDRM});
	remove_queue(queue);
	abi_join(a);
	abi_join(b);
}

static void on_signal(int number)
{
	(void)number;
}

static void interrupted(void *argument)
{
	struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

	CHECK_OK(sigaction(SIGUSR1, &action, NULL));
	if (*(int *)argument)
		CHECK_ERROR(send_letters(queue, 1, 'x', 10, 0), EINTR);
	else
		CHECK_ERROR(msgrcv(queue, &buffer, 1, 2, 0), EINTR);
}

static void never_restarted(void)
{
	queue = make_queue(0600);
	set_queue_bytes(queue, 10);
	CHECK_OK(send_letters(queue, 1, 'a', 10, 0));
	for (int sending = 0; sending < 2; sending++) {
		pid_t pid = abi_start(interrupted, &sending);
		await_sleep(pid);
		CHECK_OK(kill(pid, SIGUSR1));
		abi_join(pid);
	}
	CHECK_EQ(stat_queue(queue).msg_qnum, 1);
	remove_queue(queue);
}

static void stop_does_not_interrupt(void)
{
	int status;

	queue = make_queue(0600);
	pid_t pid = receiver((struct wanted){.letter = 'a'});
	CHECK_OK(kill(pid, SIGSTOP));
	CHECK_EQ(waitpid(pid, &status, WUNTRACED), pid);
	CHECK_OK(kill(pid, SIGCONT));
	await_sleep(pid);
	CHECK_OK(send_letters(queue, 1, 'a', 1, 0));
	abi_join(pid);
	remove_queue(queue);
}

static void killed_waiters_leave(void)
{
	queue = make_queue(0600);
	pid_t dead = receiver((struct wanted){.letter = 'x'});
	CHECK_OK(kill(dead, SIGKILL));
	CHECK_EQ(waitpid(dead, NULL, 0), dead);
	CHECK_OK(send_letters(queue, 1, 'a', 1, 0));
	CHECK_EQ(stat_queue(queue).msg_qnum, 1);
	set_queue_bytes(queue, 1);
	dead = sender('b', 1);
	CHECK_OK(kill(dead, SIGKILL));
	CHECK_EQ(waitpid(dead, NULL, 0), dead);
	CHECK_EQ(receive_letter(queue, 0, 0), 'a');
	CHECK_EQ(stat_queue(queue).msg_qnum, 0);
	remove_queue(queue);
}

static void *thread_receives(void *argument)
{
	__atomic_store_n((pid_t *)argument, (pid_t)syscall(SYS_gettid), __ATOMIC_SEQ_CST);
	CHECK_EQ(receive_letter(queue, 0, 0), 'a');
	return NULL;
}

static void in_a_thread(void *argument)
{
	pthread_t thread;

	CHECK_EQ(pthread_create(&thread, NULL, thread_receives, argument), 0);
	CHECK_EQ(pthread_join(thread, NULL), 0);
}

static void receiver_is_a_thread(void)
{
	pid_t *tid =
		mmap(NULL, sizeof(*tid), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	CHECK(tid != MAP_FAILED);
	queue = make_queue(0600);
	pid_t pid = abi_start(in_a_thread, tid);
	while (!__atomic_load_n(tid, __ATOMIC_SEQ_CST))
		abi_sleep_ms(1);
	await_sleep_of(pid, *tid);
	CHECK_OK(send_letters(queue, 1, 'a', 1, 0));
	abi_join(pid);
	CHECK(*tid != pid);
	CHECK_EQ(stat_queue(queue).msg_lrpid, *tid);
	CHECK_OK(msgctl(queue, IPC_RMID, NULL));
}

const struct abi_case abi_cases[] = {
	CASE(receiver_is_a_thread, "lrpid is the thread that waited for the message: observed"),
	CASE(fields_follow, "counts, times and pids follow each call: msgop(2)"),
	CASE(first_in_first_out, "type 0 is the first message: msgop(2)"),
	CASE(by_type, "type > 0 is the first of that type: msgop(2)"),
	CASE(lowest_type, "type < 0 is the first of the lowest type up to it: msgop(2)"),
	CASE(any_but_one_type, "MSG_EXCEPT is the first of another type: msgop(2)"),
	CASE(too_long_for_the_buffer, "E2BIG and it stays, or MSG_NOERROR cuts: msgop(2)"),
	CASE(every_size, "texts of all sizes arrive whole, or cut off: msgop(2)"),
	CASE(bad_arguments, "EINVAL, EFAULT, and their order: msgop(2), observed"),
	CASE(text_that_cannot_be_read, "a bad text is EFAULT; a bad buffer loses it: observed"),
	CASE(full_of_bytes, "a queue holds qbytes bytes: msgop(2)"),
	CASE(full_of_messages, "a queue holds qbytes messages, empty ones too: msgop(2)"),
	CASE(copies, "MSG_COPY copies by position, with IPC_NOWAIT only: msgop(2)"),
	CASE(receiver_waits_for_its_type, "a receiver waits for what it wants: msgop(2)"),
	CASE(receivers_in_order, "receivers are served in order of arrival: observed"),
	CASE(waiting_with_too_little_room, "a message too long is E2BIG for who waits: observed"),
	CASE(all_senders_are_served,
	     "senders wait while the queue is full, none is lost: msgop(2)"),
	CASE(short_sender_overtakes, "a sender that fits overtakes one that does not: observed"),
	CASE(larger_limit_lets_senders_go, "a larger qbytes lets senders go: msgctl(2)"),
	CASE(mode_is_looked_at_again, "who waits is refused when the mode says so: observed"),
	CASE(removal_wakes_all, "IPC_RMID wakes all with EIDRM: msgop(2)"),
	CASE(never_restarted, "a handler interrupts with EINTR, SA_RESTART or not: signal(7)"),
	CASE(stop_does_not_interrupt, "SIGSTOP and SIGCONT do not: signal(7)"),
	CASE(killed_waiters_leave, "killed waiters neither send nor receive: msgop(2)"),
	CASES_END,
};
