// SPDX-License-Identifier: MIT
/* ioctl(2) of a terminal: ioctl_tty(2). What concerns sessions is in tty_session.c. */

#include "kernel/device/tty.h"

#include "abi/errno.h"
#include "abi/ioctl.h"
#include "kernel/process/signal.h"

#define SPEED 38400

static long settings_get(struct tty *tty, uint64_t argument, bool with_speed)
{
	struct abi_termios2 settings = {.input_speed = SPEED, .output_speed = SPEED};

	spin_lock(&tty->lock);
	settings.base = tty->termios;
	spin_unlock(&tty->lock);
	return copy_to_user(argument, &settings,
			    with_speed ? sizeof(settings) : sizeof(settings.base));
}

/* Output is written at once, so that "when it has drained" is now. */
static long settings_set(struct tty *tty, uint64_t argument, bool flush)
{
	struct abi_termios settings;
	int err = tty_check_foreground(tty, SIGTTOU);

	if (err)
		return err;
	if (copy_from_user(&settings, argument, sizeof(settings)))
		return -EFAULT;
	spin_lock(&tty->lock);
	if (flush)
		tty_input_flush(tty);
	if (!(settings.lflag & ICANON))
		tty_input_commit(tty);
	tty->termios = settings;
	if (!(settings.iflag & IXON) && tty->stopped) {
		tty->stopped = false;
		wait_wake_all(&tty->writers);
	}
	spin_unlock(&tty->lock);
	return 0;
}

static long size_get(struct tty *tty, uint64_t argument)
{
	spin_lock(&tty->lock);
	struct abi_winsize size = tty->winsize;
	spin_unlock(&tty->lock);
	return copy_to_user(argument, &size, sizeof(size));
}

static long size_set(struct tty *tty, uint64_t argument)
{
	struct abi_winsize size;
	int32_t group = __atomic_load_n(&tty->foreground_group, __ATOMIC_RELAXED);

	if (copy_from_user(&size, argument, sizeof(size)))
		return -EFAULT;
	spin_lock(&tty->lock);
	bool changed = size.rows != tty->winsize.rows || size.columns != tty->winsize.columns;
	tty->winsize = size;
	spin_unlock(&tty->lock);
	if (changed && group > 0)
		signal_send_group(group, SIGWINCH);
	return 0;
}

static long count_put(uint64_t argument, uint32_t count)
{
	return copy_to_user(argument, &count, sizeof(count));
}

static long input_count(struct tty *tty, uint64_t argument)
{
	spin_lock(&tty->lock);
	uint32_t count = tty->committed - tty->read;
	spin_unlock(&tty->lock);
	return count_put(argument, count);
}

static long flush_queues(struct tty *tty, uint64_t which)
{
	int err = tty_check_foreground(tty, SIGTTOU);

	if (err)
		return err;
	if (which > TCIOFLUSH)
		return -EINVAL;
	if (which != TCOFLUSH) {
		spin_lock(&tty->lock);
		tty_input_flush(tty);
		spin_unlock(&tty->lock);
	}
	return 0;
}

static long flow_set(struct tty *tty, uint64_t action)
{
	if (action > TCOON)
		return action > TCOON + 2 ? -EINVAL : 0;
	spin_lock(&tty->lock);
	tty->stopped = action == TCOOFF;
	if (!tty->stopped)
		wait_wake_all(&tty->writers);
	spin_unlock(&tty->lock);
	return 0;
}

long tty_ioctl(struct file *file, unsigned command, uint64_t argument)
{
	struct tty *tty = file->data;

	switch (command) {
	case TCGETS:
	case TCGETS2:
		return settings_get(tty, argument, command == TCGETS2);
	case TCSETS:
	case TCSETSW:
	case TCSETS2:
	case TCSETSW2:
		return settings_set(tty, argument, false);
	case TCSETSF:
	case TCSETSF2:
		return settings_set(tty, argument, true);
	case TIOCGWINSZ:
		return size_get(tty, argument);
	case TIOCSWINSZ:
		return size_set(tty, argument);
	case FIONREAD:
		return input_count(tty, argument);
	case TIOCOUTQ:
		return count_put(argument, 0);
	case TCFLSH:
		return flush_queues(tty, argument);
	case TCXONC:
		return flow_set(tty, argument);
	case TCSBRK:
	case TCSBRKP:
	case TIOCEXCL:
	case TIOCNXCL:
		return 0;
	default:
		return tty_session_ioctl(tty, command, argument);
	}
}
