/* What the parts of leasefs-keeper share: keeper.c starts daemons and sees their deaths, messages.c is the socket to the
 * daemon, mount-end.c ends the mount that no daemon serves any more.
 */
#ifndef LEASEFS_KEEPER_H
#define LEASEFS_KEEPER_H

#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define GREETED SIZE_MAX

struct running {
	pid_t pid; /* 0: none runs */
	int pidfd;
	int socket;     /* -1: closed at its other end */
	size_t greeted; /* messages of the greeting that it has; GREETED: all */
	bool serves;
	bool dead; /* and another process, which traces it, has not reaped it yet */
	bool babbled;
};
extern struct running running;

extern bool started;         /* a daemon has served */
extern bool held[_NSIG];     /* signals for the daemon once it serves */
extern unsigned long deaths; /* of daemons so far */
extern char **current;       /* the daemon's program and arguments */
extern char **before_it;     /* the one before, until this one serves; or NULL */
extern char **after_it;      /* the one that U gave; or NULL */
extern sigset_t mask_before;

extern size_t kept_count;
extern unsigned long mount_id; /* 0: none yet */
extern char mount_path[PATH_MAX];

/* One line on standard error; it waits for no reader. */
__attribute__((format(printf, 1, 2))) void say(const char *format, ...);

/* close(2), once. */
void shut(int *fd);

void pass_on(int number);

/* Takes one message of the daemon. False: there is none now, or none will come any more. */
bool take(void);

/* Sends the next message of the greeting. ms until it may be tried again; 0: when the socket has room; -1: it is over. */
int greet(void);

/* Closes all that is kept. */
void drop_all(void);

/* Ends the connection of a mount that no daemon serves, and detaches it, if it is the one on its path. */
void end_mount(void);

#endif
