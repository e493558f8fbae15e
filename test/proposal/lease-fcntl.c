/* SPDX-License-Identifier: MIT
 *
 * lease-fcntl.c - the proposal's own calls.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>

#include "lease.h"

long lease_set(int fd, int kind)
{
	return fcntl(fd, F_SETLEASE, kind) < 0 ? -errno : 0;
}

long lease_get(int fd)
{
	int kind = fcntl(fd, F_GETLEASE);
	return kind < 0 ? -errno : kind;
}

long lease_signal(int fd, int signal)
{
	return fcntl(fd, F_SETSIG, signal) < 0 ? -errno : 0;
}
