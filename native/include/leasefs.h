/* SPDX-License-Identifier: MIT
 *
 * leasefs.h - layout leases and pins on a file of a leasefs mount.
 *
 * Everything is an ioctl(2) on a descriptor of the mount. A lease hangs on the
 * open file description, as fcntl(2) leases do: dup, fork and SCM_RIGHTS share
 * it. The rules in brackets are those of src/lease/README.md: `leasefs explain
 * X1` prints one. A mount with --transport=fuse-native carries no ioctl
 * (ENOTTY): there leasefs-socket.h makes the same calls.
 *
 *	int fd = open("/mnt/leasefs/f", O_RDWR);
 *	struct leasefs_lease l = { .version = LEASEFS_ABI, .kind = LEASEFS_EXCLUSIVE };
 *	if (ioctl(fd, LEASEFS_IOC_SETLEASE, &l) < 0)
 *		err(1, "lease");
 *	struct leasefs_pin p = { .version = LEASEFS_ABI, .off = 0, .len = 2 << 20 };
 *	if (ioctl(fd, LEASEFS_IOC_PIN, &p) < 0)
 *		err(1, "pin");
 *	// from here on truncate and punch of [0, 2 MiB) are refused
 *
 * Every struct begins with its version; another one, or non-zero reserved
 * fields or unknown flags, is EINVAL. Byte order and alignment are the
 * machine's. All fields marked (out) are ignored on the way in.
 *
 * A break descriptor notifies the holder of a break, in poll(2), epoll or any
 * event loop (LEASEFS_IOC_WATCH below; leasefs_watch() of leasefs-watch.h makes
 * one); so does the signal that SETLEASE named [B1]. Answer a break by
 * LEASEFS_IOC_SETLEASE (with LEASEFS_UNLCK or the kind that GETLEASE names) or
 * close(2), never by write(2) or fsync(2) first: while a truncate waits for you
 * the kernel holds the inode's lock, and your write would wait behind it [B6].
 *
 * poll(2) on the file itself is always ready. On a mount made with -o poll it
 * answers POLLPRI while a break is pending; that costs buffered io_uring there
 * nearly all of its speed.
 */
#ifndef LEASEFS_H
#define LEASEFS_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define LEASEFS_ABI 1

/* Lease kinds: the F_SETLEASE arguments of the proposal. */
#define LEASEFS_F_LAYOUT    16 /* F_LAYOUT: a layout lease */
#define LEASEFS_F_EXCLUSIVE 32 /* F_EXCLUSIVE: exclusive and unbreakable */
#define LEASEFS_F_UNBREAK   64 /* F_UNBREAK: refuse instead of being broken */

/*
 * A lease without _BREAKABLE refuses the layout changes of others, and a pin
 * needs one. They break a lease with _BREAKABLE.
 */
#define LEASEFS_EXCLUSIVE           48 /* F_LAYOUT | F_EXCLUSIVE: compatible with no other lease */
#define LEASEFS_SHARED              80 /* F_RDLCK | F_LAYOUT | F_UNBREAK: compatible with shared leases */
#define LEASEFS_EXCLUSIVE_BREAKABLE 17 /* F_WRLCK | F_LAYOUT: compatible with no other lease */
#define LEASEFS_SHARED_BREAKABLE    16 /* F_RDLCK | F_LAYOUT: compatible with shared leases */
#define LEASEFS_UNLCK               2  /* F_UNLCK: no lease; releases it */
/* F_WRLCK | F_LAYOUT | F_UNBREAK (81) is read as LEASEFS_EXCLUSIVE. */

/* leasefs_lease.flags */
#define LEASEFS_NONBLOCK 1 /* EWOULDBLOCK where the call would wait for a break [B4] */

/*
 * SETLEASE takes, converts (kind) or releases (LEASEFS_UNLCK) the lease of
 * this description. GETLEASE fills in kind (during a break: what it must
 * become [L8]), break_ms and description.
 *
 * SETLEASE errors, in this order when several apply [L9]:
 * EPERM	the caller's process cannot be identified (another pid namespace)
 * EINVAL	not a regular file; unknown kind, flag, version or signal
 * EACCES	neither the file's owner nor CAP_LEASE [L7]
 * EBADF	an unbreakable kind through a description not open for writing [L7]
 * EBUSY	pins under the lease remain [L5]
 * EAGAIN	an incompatible lease elsewhere, a break pending; UNLCK without a
 *		lease; with LEASEFS_NONBLOCK, a break that would be waited for
 * EDEADLK	an own lease elsewhere would have to be broken [L3]; the wait
 *		would deadlock [B7]
 * ENOLCK	the file has 1024 leases [L10]
 * EINTR	a signal came while it waited for a break [B5]
 */
struct leasefs_lease {
	__u32 version;     /* LEASEFS_ABI */
	__u32 kind;        /* in SETLEASE, out GETLEASE */
	__u32 flags;       /* in: LEASEFS_NONBLOCK */
	__s32 signal;      /* in: sent to the owner when the lease is broken; 0: none [B1] */
	__u64 cookie;      /* in: si_value of that signal */
	__u64 description; /* (out) names this description as a pin's owner; keep it secret */
	__u32 break_ms;    /* (out) ms until a pending break is forced; 0: no break */
	__u32 reserved[5];
};

/* leasefs_pin.flags */
#define LEASEFS_PIN_BY_PROCESS     0 /* ends with the calling process [N4] */
#define LEASEFS_PIN_BY_DESCRIPTION 1 /* ends with the last descriptor of `owner` [N4] */

/*
 * PIN protects [off, off + len), rounded outward to 4096 byte blocks, until it
 * is unpinned or its owner is gone. Needs a live LEASEFS_EXCLUSIVE or
 * LEASEFS_SHARED lease of the calling process on the file, through any of its
 * descriptions [N1].
 *
 * EPERM	no such lease (a zombie does not count); process not identified
 * EINVAL	len is 0, off + len beyond 2^53 - 1, not a regular file, bad version or flags
 * EBADF	`owner` names no description
 * EFAULT	the range ends beyond the block of the last byte [N7]
 * ENOMEM	the user's pins would exceed RLIMIT_MEMLOCK [N9]
 * ENOSPC	no blocks for the holes of the range
 */
struct leasefs_pin {
	__u32 version;
	__u32 flags;
	__u64 off;   /* bytes */
	__u64 len;   /* bytes */
	__u64 owner; /* with BY_DESCRIPTION: leasefs_lease.description, or 0: this one */
	__u64 id;    /* (out) never used again */
	__u64 reserved[2];
};

/* leasefs_unpin.flags */
#define LEASEFS_UNPIN_ALL 1 /* every pin of this file that the caller owns; id is ignored */

/*
 * UNPIN removes a pin, through any descriptor of the mount [N8].
 * ENOENT	no such pin
 * EPERM	the caller owns neither the pin nor its lease; process not identified
 */
struct leasefs_unpin {
	__u32 version;
	__u32 flags;
	__u64 id;
	__u32 count; /* (out) pins removed */
	__u32 reserved[3];
};

/* leasefs_pin_info.flags */
#define LEASEFS_PIN_INFO_DESCRIPTION 1 /* owned by an open file description */
#define LEASEFS_PIN_INFO_MINE        2 /* made by the calling process */
#define LEASEFS_PIN_INFO_ZOMBIE      4 /* its lease is a zombie */

struct leasefs_pin_info {
	__u64 id;
	__u64 off; /* bytes, rounded to blocks */
	__u64 len;
	__s32 pid; /* the process that made it */
	__u32 flags;
};

#define LEASEFS_PINS_MAX 128

/*
 * GETPINS lists the pins of the file in the order of their ids, those with
 * id > after; call again with the last id until count is below
 * LEASEFS_PINS_MAX.
 */
struct leasefs_pins {
	__u32 version;
	__u32 count; /* (out) */
	__u64 after;
	__u64 total; /* (out) pins on the file */
	__u64 reserved;
	struct leasefs_pin_info pins[LEASEFS_PINS_MAX];
};

/* leasefs_report.what */
#define LEASEFS_REPORT_STATUS  1
#define LEASEFS_REPORT_LEASES  2
#define LEASEFS_REPORT_PINS    3
#define LEASEFS_REPORT_REFUSAL 4

#define LEASEFS_REPORT_MAX 16000

/*
 * REPORT reads what the command `leasefs status|leases|pins` prints, as JSON
 * text, on any descriptor of the mount (of the root directory: the whole mount,
 * of a file: that file). The text is made anew when off is 0 and kept with the
 * description until its last byte was read; call again with off increased by
 * len until off reaches size. EAGAIN: the user reads too many at the same time.
 *
 * REFUSAL is about the calling process: {"refusal": ...}, its newest call on the
 * file that a rule refused, with errno, rule, holder and remedy; null: none that
 * is kept. It also has calls that are no ioctl: ftruncate, fallocate, write.
 */
struct leasefs_report {
	__u32 version;
	__u32 what;
	__u32 off;  /* bytes into the text */
	__u32 len;  /* (out) bytes in data */
	__u32 size; /* (out) bytes of the whole text */
	__u32 reserved[3];
	__u8 data[LEASEFS_REPORT_MAX];
};

/* leasefs_layout.flags */
#define LEASEFS_LAYOUT_LIST 1 /* only list: needs no lease, grants nothing */
#define LEASEFS_LAYOUT_SEQ  2 /* EAGAIN unless `seq` is still that of the layout */

/* leasefs_extent.flags */
#define LEASEFS_EXTENT_UNWRITTEN 1 /* allocated, reads as zeros; in a LIST only */

struct leasefs_extent {
	__u64 off; /* bytes into the file, whole blocks */
	__u64 len;
	__u64 store; /* bytes into the segment */
	__u32 flags;
	__u32 reserved;
};

#define LEASEFS_EXTENTS_MAX 128

/*
 * LAYOUT grants the layout of [off, off + len), rounded outward to blocks: where
 * in the store its blocks lie, for the caller to map and to load and store
 * without the daemon. Needs a lease of any kind that the calling process holds
 * through this description, which must be open for reading and writing. While
 * the lease lives the layout does not change without notice: an unbreakable
 * lease refuses the changes of others, a breakable one is broken first, and its
 * break (WATCH) recalls the layout: unmap, then answer the break. The grant
 * ends with the lease. The store gives a granted block to no other file until
 * the grant has ended and no process maps its segment, even if the file is
 * deleted.
 *
 * Holes are not granted: fallocate(2) first. Unwritten blocks become written,
 * which changes no layout. Blocks behind that of the last byte are left out.
 *
 * The extents of one answer lie in one segment; call again with off = next
 * (and LEASEFS_LAYOUT_SEQ, so that all answers are of one layout) until next
 * is the end of the range.
 *
 * A break may end by force before the mapping is there, and other files get the
 * blocks. So ask once more when it is, with LEASEFS_LAYOUT_SEQ: on an error
 * unmap; else the store keeps the blocks from now on as long as they are mapped.
 *
 * segment 0 is the file itself: map this very descriptor at `store`. Any other
 * is a memfd: descriptor `fd` of process `pid` (in the daemon's pid namespace).
 * Get it by pidfd_getfd(2) or open("/proc/PID/fd/FD", O_RDWR). The kernel
 * allows that to processes that may trace the daemon: those of its own user
 * and of root. Then compare st_dev and st_ino with `dev` and `ino` before use:
 * in another pid namespace `pid` may be another process. On a mount with a
 * keeper the daemon may have died since: call again, and if `pid` is another
 * one now, take the segment from that.
 *
 * Stores through such a mapping change no times and bypass the kernel's page
 * cache, which such a mount has. Call sync_file_range(2) before mapping, so
 * that the store has all of the cache (fsync(2) might wait for the inode's lock
 * [B6]), and posix_fadvise(2) POSIX_FADV_DONTNEED after unmapping. In between,
 * a process that opens the file sees the stores; one that already had it open
 * may see older data.
 *
 * EINVAL	len is 0, off + len beyond 2^53 - 1, not a regular file, bad version or flags
 * EPERM	no lease of the calling process on this description; process not identified
 * EACCES	the caller may not trace the daemon, so it could not get the segment
 * EBADF	the description is not open for reading and writing
 * EAGAIN	the lease is being broken; with LEASEFS_LAYOUT_SEQ, the layout has changed
 * EBUSY	a process still maps the segment though its layout was recalled
 * ENOSPC, EMFILE	no memory for the map, no descriptor
 * ENOLCK	the user holds too many runs of blocks that do not touch; or a quarter of
 *	the store is freed and kept for clients (`leasefs status` names them)
 */
struct leasefs_layout {
	__u32 version;
	__u32 flags;
	__u64 off;     /* bytes */
	__u64 len;     /* bytes */
	__u64 seq;     /* in with LEASEFS_LAYOUT_SEQ; out: counts the changes of the layout */
	__u64 next;    /* (out) bytes: where to go on */
	__u32 count;   /* (out) */
	__u32 segment; /* (out) */
	__s32 pid;     /* (out) 0 when there is nothing to fetch */
	__s32 fd;      /* (out) */
	__u64 dev;     /* (out) st_dev and st_ino of the segment */
	__u64 ino;
	__u64 reserved[2];
	struct leasefs_extent extents[LEASEFS_EXTENTS_MAX];
};

#define LEASEFS_ADDRESS_MAX 96

/*
 * WATCH answers the address of a break descriptor of this description: connect
 * a SOCK_STREAM socket of AF_UNIX to the abstract address `address`, and send
 * the 8 bytes of `token` at once. Any process that knows the token may watch
 * (and name the description as a pin's owner): keep it secret.
 *
 * The socket then becomes readable with each notice, a struct leasefs_notice.
 * The first reports the present state, or the errno for which there is no
 * watch. The next come when a break begins or demands more, and when it is over
 * (by force, or answered through this or another descriptor). The socket ends
 * (read(2) answers 0) with the description or the mount. The daemon closes a
 * socket whose reader leaves several hundred notices unread.
 *
 * On a mount with a keeper a daemon may die: the socket goes on with the next
 * one, which repeats the notice of a break that is pending. If that happens
 * before the first notice came, connect(2) answers ECONNREFUSED, or the socket
 * ends: WATCH again.
 *
 * On .leasefs/events a notice says that there is something to read, once until
 * a read has taken all of it.
 *
 * EINVAL	neither a regular file nor .leasefs/events
 * ENETUNREACH	the daemon may not listen in the caller's network namespace
 * EMFILE	too many network namespaces
 */
struct leasefs_watch {
	__u32 version;
	__u32 reserved[5];
	__u64 token;                       /* (out) to be sent */
	char address[LEASEFS_ADDRESS_MAX]; /* (out) abstract, without its leading NUL; ends with one */
};

struct leasefs_notice {
	__u32 kind;     /* during a break what the lease must become [L8], else what it is */
	__u32 break_ms; /* ms until that is forced [B2]; 0: no break is pending */
	__s32 error;    /* of the first: 0, or the errno for which there is no watch */
	__u32 readable; /* of .leasefs/events: 1 when there is something to read */
};

#define LEASEFS_IOC_SETLEASE _IOWR('Y', 0x80, struct leasefs_lease)
#define LEASEFS_IOC_GETLEASE _IOWR('Y', 0x81, struct leasefs_lease)
#define LEASEFS_IOC_PIN      _IOWR('Y', 0x82, struct leasefs_pin)
#define LEASEFS_IOC_UNPIN    _IOWR('Y', 0x83, struct leasefs_unpin)
#define LEASEFS_IOC_GETPINS  _IOWR('Y', 0x84, struct leasefs_pins)
#define LEASEFS_IOC_REPORT   _IOWR('Y', 0x85, struct leasefs_report)
#define LEASEFS_IOC_LAYOUT   _IOWR('Y', 0x86, struct leasefs_layout)
#define LEASEFS_IOC_WATCH    _IOWR('Y', 0x87, struct leasefs_watch)

#endif /* LEASEFS_H */
