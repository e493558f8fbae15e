/* actor.h - what the parts of an actor share. Calls that can fail answer 0 or more, or -errno. */
#ifndef ACTOR_H
#define ACTOR_H

#include <errno.h>
#include <stddef.h>

#define SLOTS 256

static inline long fail(long r)
{
	return r < 0 ? -errno : r;
}

/* actor-meeting.c */
extern int control;
extern const char *socket_path;
/* Connects to the stage as `name`, and can be sent descriptors from then on. */
void join(const char *name);
/* The same after fork(2), in the child. */
void join_anew(const char *name);
void answer(long id, long result, const char *text);
/* To the mailbox of another actor; from our own. */
long send_fd(int fd, const char *name);
long receive_fd(void);

/* actor-rings.c */
extern int rings[SLOTS];
/* A new ring in the slot, with [at, at+len) registered. */
long ring_register(int slot, char *at, size_t len, unsigned setup, unsigned table);
long ring_spin(int ring, long ms);
long fixed_read(int ring, char *to, size_t len, int byte);
long buffered(int fd, int is_write, long count);

/* actor-watch.c: a break descriptor of the slot; its link or, without one, its file */
long watch_open(int slot, int fd, int link);
void watch_close(int slot);
/* waits until a break is pending: what the lease must become; 0 after MS, -ENOTCONN when the file was closed */
long watch_break(int slot, int ms);

#endif
