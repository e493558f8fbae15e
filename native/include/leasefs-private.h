/* SPDX-License-Identifier: MIT
 *
 * leasefs-private.h - what leasefs' own parts say to each other: the supervisor of `leasefs run` to the daemon, and
 * leasefs-socket.h to the control socket. An application needs none of it: see leasefs.h and leasefs-socket.h.
 */
#ifndef LEASEFS_PRIVATE_H
#define LEASEFS_PRIVATE_H

#include "leasefs.h"

/*
 * The supervisor of `leasefs run` acts for another process, whose call it has stopped. A process is the supervisor when it
 * knows what a file says that only a process that may trace the daemon can read: SUPERVISE with fd -1 names the file
 * (descriptor `fd` of process `pid`, to be opened through /proc), SUPERVISE with its bytes as `token` registers the caller,
 * until the description that this was asked through is closed.
 *
 * EPERM	neither root nor the daemon's user; another pid namespace; not that token
 */
#define LEASEFS_SUPERVISE_TOKEN 16 /* bytes */

struct leasefs_supervise {
	__u32 version;
	__s32 fd;  /* in: -1, or 0 with the token; out: of -1, the daemon's */
	__s32 pid; /* (out) the daemon, as it sees itself */
	__u8 token[LEASEFS_SUPERVISE_TOKEN];
	__u32 reserved;
};

/*
 * SETLEASE_FOR is SETLEASE for the process of thread `tid`, on the description that it is asked through; with
 * LEASEFS_CANCEL it ends such a call of that thread's which waits for a break: that answers EINTR. With LEASEFS_UNDO, through any
 * description, it releases the lease of that thread's last such call, which got no answer. To release where there is no lease
 * answers 0. With LEASEFS_TRY it waits for nothing.
 * EPERM	not the supervisor
 * ESRCH	no such thread, or not the one of `identity`
 * EINPROGRESS	with LEASEFS_TRY: it would wait. A break that it has begun goes on
 * and the errors of SETLEASE
 */
#define LEASEFS_CANCEL 2
#define LEASEFS_UNDO   4
#define LEASEFS_TRY    8

struct leasefs_lease_for {
	__u32 version;
	__u32 kind;
	__u32 flags; /* LEASEFS_NONBLOCK, LEASEFS_TRY, LEASEFS_CANCEL or LEASEFS_UNDO */
	__s32 signal;
	__u64 cookie;
	__u64 start; /* of the process: clock ticks since boot, as in /proc/PID/stat */
	__s32 tid;
	__u32 held;     /* (out) 1: the description had a lease before */
	__u64 identity; /* st_ino of the supervisor's pidfd of the thread; 0 before Linux 6.9 */
};

/*
 * leasefs_pin_for.holder: what of the process holds the memory; FIRST with the first pin of a call; ENDS alone: the call at
 * which the thread is stopped ends the registration of pin `id`; GOES_ON: the thread registers even if the pin is refused, so
 * no refusal is recorded
 */
#define LEASEFS_HOLDER_BUFFER  1 /* the buffer table of the io_uring that is its descriptor `fd` */
#define LEASEFS_HOLDER_RING    2 /* that io_uring itself */
#define LEASEFS_HOLDER_RINGS   3 /* one of its io_urings */
#define LEASEFS_HOLDER_SOCKET  4 /* the socket that is its descriptor `fd` */
#define LEASEFS_HOLDER_REGION  5 /* a memory region of the RDMA device that is its descriptor `fd` */
#define LEASEFS_HOLDER_GROUP   6 /* that io_uring's ring of provided buffers, group `part` */
#define LEASEFS_HOLDER_MEMORY  7 /* that io_uring's memory region */
#define LEASEFS_HOLDER_QUEUES  8 /* that io_uring's queues; `part`: log2 of their sizes, 256 * completions' */
#define LEASEFS_HOLDER_FIRST   256
#define LEASEFS_HOLDER_ENDS    512
#define LEASEFS_HOLDER_GOES_ON 1024

/*
 * PIN_FOR pins for the process of thread `tid`, which is about to register [addr, addr + registered) of its memory. The pin
 * ends when the registration is gone, which the daemon finds out when it matters: at a refusal, in a listing, when the
 * process ends. UNPIN by the supervisor ends it too.
 * EPERM, ESRCH	as above
 * ENOENT	no file `ino`; no such pin
 * and the errors of PIN
 */
struct leasefs_pin_for {
	__u32 version;
	__u32 holder;
	__u64 ino; /* st_ino of the file */
	__u64 off; /* bytes */
	__u64 len;
	__u64 start;
	__s32 tid;
	__s32 fd;
	__u64 addr;       /* of a region as the device knows it */
	__u64 registered; /* bytes of the registration; the pin may be a part */
	__u64 id;         /* (out); in with ENDS */
	__u64 identity;   /* as above */
	__u32 part;
	__u32 reserved;
};

#define LEASEFS_IOC_SUPERVISE    _IOWR('Y', 0x90, struct leasefs_supervise)
#define LEASEFS_IOC_SETLEASE_FOR _IOWR('Y', 0x91, struct leasefs_lease_for)
#define LEASEFS_IOC_PIN_FOR      _IOWR('Y', 0x92, struct leasefs_pin_for)

/*
 * The control socket. A mount through the fuse-native package carries no ioctl (ENOTTY): there the same structs go as
 * messages over a socket, and leasefs-socket.h sends them. fgetxattr(2) of LEASEFS_XATTR answers "NAME KEY": the abstract
 * address of a SOCK_SEQPACKET socket, without its NUL, and the key that names the file there. A connection is an open file
 * description of the file: its lease and the pins that it owns end with it as they would with close(2). The daemon
 * identifies the caller by the credentials that the kernel adds to each message.
 *
 * A message is struct leasefs_message and, behind it, the struct of its code. The first one is LEASEFS_MESSAGE_OPEN.
 * Each is answered by one with its id and `code` 0 or -errno, and the struct when it is 0.
 */
#define LEASEFS_XATTR     "system.leasefs"
#define LEASEFS_XATTR_MAX 128 /* bytes of its value */

/* leasefs_message.code, besides the LEASEFS_IOC_ numbers of leasefs.h */
#define LEASEFS_MESSAGE_OPEN   1 /* struct leasefs_open */
#define LEASEFS_MESSAGE_CANCEL 2 /* ends the call `id` that waits for a break (EINTR); has no answer itself */

struct leasefs_message {
	__u32 id;   /* the sender's choice, not 0 */
	__u32 code; /* in answers: 0, -errno */
};

/*
 * The descriptor `fd` of the sender says whether the file is open for writing, as far as the daemon may look at it:
 * what it may not see counts as read-only.
 *
 * ESTALE	no such file (any more)
 * EBADF	`fd` is another file's; `description` is none of that file
 * EMFILE	too many connections
 */
struct leasefs_open {
	__u32 version;
	__s32 fd;
	__u64 description; /* leasefs_lease.description of a connection to be shared [L1]; 0: a new one */
	__u32 reserved[4];
	char key[LEASEFS_XATTR_MAX]; /* ends with a NUL */
};

#endif /* LEASEFS_PRIVATE_H */
