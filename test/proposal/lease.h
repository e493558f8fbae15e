/* SPDX-License-Identifier: MIT
 *
 * lease.h - the lease of an open file description, by the calls that a program is linked with: lease-fcntl.c has the
 * proposal's, lease-ioctl.c those of leasefs, which work without a supervisor.
 */
#ifndef LEASE_H
#define LEASE_H

/* All answer -errno, or 0; lease_get the kind. */
long lease_set(int fd, int kind);
long lease_get(int fd);
/* What a break of it sends instead of SIGIO: F_SETSIG. */
long lease_signal(int fd, int signal);

#endif /* LEASE_H */
