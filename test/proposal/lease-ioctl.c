/* SPDX-License-Identifier: MIT
 *
 * lease-ioctl.c - the calls of leasefs.h; the kinds have the proposal's numbers.
 */
#include <errno.h>
#include <signal.h>
#include <sys/ioctl.h>

#include "lease.h"
#include "leasefs.h"

static int break_signal = SIGIO;

long lease_set(int fd, int kind)
{
	/* The cookie arrives where F_SETSIG's siginfo has si_fd. */
	struct leasefs_lease l = { .version = LEASEFS_ABI, .kind = kind, .signal = break_signal, .cookie = fd };

	if (kind == LEASEFS_UNLCK)
		l.signal = 0;
	return ioctl(fd, LEASEFS_IOC_SETLEASE, &l) < 0 ? -errno : 0;
}

long lease_get(int fd)
{
	struct leasefs_lease l = { .version = LEASEFS_ABI };
	return ioctl(fd, LEASEFS_IOC_GETLEASE, &l) < 0 ? -errno : (long)l.kind;
}

long lease_signal(int fd, int signal)
{
	(void)fd;
	break_signal = signal;
	return 0;
}
