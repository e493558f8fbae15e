/* The seccomp filter of `leasefs run`: stops the few calls by which a program takes a lease or has the kernel pin
 * memory, and lets everything else run at full speed. It stops too much rather than too little: the supervisor
 * (src/run/calls.ts) decides which calls matter and lets the others continue.
 *
 * The calls of programs of 32 bits too, i386 on x86-64 and ARM on arm64; x32, which nearly no kernel has, is answered
 * ENOSYS as by those kernels. Calls of any other architecture are not stopped.
 */
#ifndef LEASEFS_FILTER_H
#define LEASEFS_FILTER_H

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/syscall.h>

/* The numbers of a program of 32 bits that differ. */
#if defined(__x86_64__)
#define NATIVE_ARCH       AUDIT_ARCH_X86_64
#define NARROW_ARCH       AUDIT_ARCH_I386
#define NARROW_SETSOCKOPT 366
#define NARROW_SOCKET     359
#elif defined(__aarch64__)
#define NATIVE_ARCH       AUDIT_ARCH_AARCH64
#define NARROW_ARCH       AUDIT_ARCH_ARM
#define NARROW_SETSOCKOPT 294
#define NARROW_SOCKET     281
#else
#error "leasefs run knows the system calls of x86-64 and arm64"
#endif

/* Not all headers of the systems we build on have these. */
#define LEASE_FIRST             1024 /* F_SETLEASE; F_GETLEASE is the next */
#define SETSIG                  10
#define REGISTER_BUFFERS        0
#define UNREGISTER_BUFFERS      1
#define REGISTER_BUFFERS2       15
#define REGISTER_BUFFERS_UPDATE 16
#define REGISTER_PBUF_RING      22
#define UNREGISTER_PBUF_RING    23
#define REGISTER_CLONE_BUFFERS  30
#define REGISTER_ZCRX_IFQ       32
#define REGISTER_RESIZE_RINGS   33
#define REGISTER_MEM_REGION     34
#define REGISTER_UNKNOWN        38 /* as of Linux 7.2: from here on the supervisor judges */
#define USE_REGISTERED_RING     (1u << 31)
#define XDP_LEVEL               283         /* SOL_XDP */
#define VERBS                   0xc0181b01u /* RDMA_VERBS_IOCTL */
#define XDP_UMEM                4           /* XDP_UMEM_REG */
#define XDP_FAMILY              44          /* AF_XDP */

#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
/* The low half of an argument, little-endian: what the kernel takes of an int. */
#define LOAD_ARG(n)             BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[n]))
#define JUMP_EQ(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define RETURN(action)          BPF_STMT(BPF_RET | BPF_K, action)

/* One instruction a line. */
/* clang-format off */

/* Each of these is skipped unless the number in the accumulator matches; else it decides. */
#define ON_FCNTL(number)                        \
	JUMP_EQ(number, 0, 6),                      \
	LOAD_ARG(1),                                \
	JUMP_EQ(LEASE_FIRST, 2, 0),                 \
	JUMP_EQ(LEASE_FIRST + 1, 1, 0),             \
	JUMP_EQ(SETSIG, 0, 1),                      \
	RETURN(SECCOMP_RET_USER_NOTIF),             \
	RETURN(SECCOMP_RET_ALLOW)

#define ON_REGISTER(number)                                     \
	JUMP_EQ(number, 0, 15),                                     \
	LOAD_ARG(1),                                                \
	BPF_STMT(BPF_ALU | BPF_AND | BPF_K, ~USE_REGISTERED_RING),  \
	JUMP_EQ(REGISTER_BUFFERS, 10, 0),                           \
	JUMP_EQ(UNREGISTER_BUFFERS, 9, 0),                          \
	JUMP_EQ(REGISTER_BUFFERS2, 8, 0),                           \
	JUMP_EQ(REGISTER_BUFFERS_UPDATE, 7, 0),                     \
	JUMP_EQ(REGISTER_PBUF_RING, 6, 0),                          \
	JUMP_EQ(UNREGISTER_PBUF_RING, 5, 0),                        \
	JUMP_EQ(REGISTER_CLONE_BUFFERS, 4, 0),                      \
	JUMP_EQ(REGISTER_ZCRX_IFQ, 3, 0),                           \
	JUMP_EQ(REGISTER_RESIZE_RINGS, 2, 0),                       \
	JUMP_EQ(REGISTER_MEM_REGION, 1, 0),                         \
	BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, REGISTER_UNKNOWN, 0, 1), \
	RETURN(SECCOMP_RET_USER_NOTIF),                             \
	RETURN(SECCOMP_RET_ALLOW)

/* Its flags lie behind a pointer: it is called once a ring, so all of them are stopped. */
#define ON_SETUP(number)        \
	JUMP_EQ(number, 0, 1),      \
	RETURN(SECCOMP_RET_USER_NOTIF)

#define ON_SETSOCKOPT(number)           \
	JUMP_EQ(number, 0, 6),              \
	LOAD_ARG(1),                        \
	JUMP_EQ(XDP_LEVEL, 0, 3),           \
	LOAD_ARG(2),                        \
	JUMP_EQ(XDP_UMEM, 0, 1),            \
	RETURN(SECCOMP_RET_USER_NOTIF),     \
	RETURN(SECCOMP_RET_ALLOW)

/* An AF_XDP socket is made: io_uring can set its options, which no filter sees. */
#define ON_SOCKET(number)               \
	JUMP_EQ(number, 0, 4),          \
	LOAD_ARG(0),                    \
	JUMP_EQ(XDP_FAMILY, 0, 1),      \
	RETURN(SECCOMP_RET_USER_NOTIF), \
	RETURN(SECCOMP_RET_ALLOW)

/* socket and setsockopt of i386; their arguments lie behind a pointer. ARM answers ENOSYS. */
#define ON_SOCKETCALL(number)           \
	JUMP_EQ(number, 0, 5),          \
	LOAD_ARG(0),                    \
	JUMP_EQ(1 /* SYS_SOCKET */, 1, 0), \
	JUMP_EQ(14 /* SYS_SETSOCKOPT */, 0, 1), \
	RETURN(SECCOMP_RET_USER_NOTIF), \
	RETURN(SECCOMP_RET_ALLOW)

#define ON_IOCTL(number)                \
	JUMP_EQ(number, 0, 4),          \
	LOAD_ARG(1),                    \
	JUMP_EQ(VERBS, 0, 1),           \
	RETURN(SECCOMP_RET_USER_NOTIF), \
	RETURN(SECCOMP_RET_ALLOW)

/* clang-format on */

/* Alike on i386 and ARM. */
#define NARROW_FCNTL      55
#define NARROW_FCNTL64    221
#define NARROW_IOCTL      54
#define NARROW_SOCKETCALL 102
#define NARROW_LENGTH     57 /* instructions of its part, from LOAD(nr) to the last return */

/* clang-format off */
static struct sock_filter filter[] = {
	LOAD(arch),
	JUMP_EQ(NARROW_ARCH, 0, NARROW_LENGTH),
	LOAD(nr),
	ON_FCNTL(NARROW_FCNTL),
	ON_FCNTL(NARROW_FCNTL64),
	ON_REGISTER(__NR_io_uring_register),
	ON_SETUP(__NR_io_uring_setup),
	ON_SETSOCKOPT(NARROW_SETSOCKOPT),
	ON_IOCTL(NARROW_IOCTL),
	ON_SOCKET(NARROW_SOCKET),
	ON_SOCKETCALL(NARROW_SOCKETCALL),
	RETURN(SECCOMP_RET_ALLOW),
	LOAD(arch),
	JUMP_EQ(NATIVE_ARCH, 1, 0),
	RETURN(SECCOMP_RET_ALLOW),
	LOAD(nr),
#if defined(__x86_64__)
	BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x40000000, 0, 1),
	RETURN(SECCOMP_RET_ERRNO | 38 /* ENOSYS */),
#endif
	ON_FCNTL(__NR_fcntl),
	ON_REGISTER(__NR_io_uring_register),
	ON_SETUP(__NR_io_uring_setup),
	ON_SETSOCKOPT(__NR_setsockopt),
	ON_IOCTL(__NR_ioctl),
	ON_SOCKET(__NR_socket),
	RETURN(SECCOMP_RET_ALLOW),
};
/* clang-format on */

#endif
