/* The socket to the daemon: the descriptors that are kept by name, and the messages of keeper.c. What is no message is
 * ignored, and the descriptors that it brings are closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "keeper.h"

#define KEPT_MAX   16384
#define NAME_BYTES 32 /* with the NUL */
#define RECORD_MAX 65536
#define ARGS_MAX   512
#define BUSY_MS    10 /* until the kernel may have room for a descriptor on its way */

static struct {
	char name[NAME_BYTES];
	int fd;
} kept[KEPT_MAX];
size_t kept_count;

/* Those of U: one that runs, the one before it, the next one. */
static struct program {
	char text[RECORD_MAX];
	char *argv[ARGS_MAX + 1];
} programs[3];

static bool is_name(const char *name)
{
	size_t length = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
	return length > 0 && length < NAME_BYTES && name[length] == '\0';
}

static void drop(const char *name)
{
	for (size_t n = 0; n < kept_count; n++) {
		if (strcmp(kept[n].name, name))
			continue;
		shut(&kept[n].fd);
		kept[n] = kept[--kept_count];
		return;
	}
}

static bool keep(const char *name, int fd)
{
	for (size_t n = 0; n < kept_count; n++) {
		if (strcmp(kept[n].name, name))
			continue;
		shut(&kept[n].fd);
		kept[n].fd = fd;
		return true;
	}
	if (kept_count == KEPT_MAX)
		return false;
	strcpy(kept[kept_count].name, name);
	kept[kept_count++].fd = fd;
	return true;
}

static bool mounted(const char *text)
{
	char *path;
	errno = 0;
	unsigned long id = strtoul(text, &path, 10);
	if (errno || id == 0 || path[0] != ' ' || path[1] != '/' || strlen(path + 1) >= sizeof mount_path)
		return false;
	mount_id = id;
	strcpy(mount_path, path + 1);
	return true;
}

/* The program after this one: each argument ends with a NUL or with the record. */
static bool next(const char *text, size_t length)
{
	struct program *free_one = programs;
	after_it = NULL;
	while (free_one->argv == current || free_one->argv == before_it)
		free_one++;
	memcpy(free_one->text, text, length);
	free_one->text[length] = '\0';
	size_t count = 0;
	for (char *at = free_one->text; at < free_one->text + length; at += strlen(at) + 1) {
		if (count == ARGS_MAX)
			return false;
		free_one->argv[count++] = at;
	}
	free_one->argv[count] = NULL;
	if (count == 0 || free_one->argv[0][0] != '/')
		return false;
	after_it = free_one->argv;
	return true;
}

static void notify_systemd(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	static const char ready[] = "READY=1";
	if (!path || !*path)
		return;
	if (strlen(path) >= sizeof to.sun_path) {
		say("leasefs keeper: NOTIFY_SOCKET is too long");
		return;
	}
	memcpy(to.sun_path, path, strlen(path));
	if (path[0] == '@')
		to.sun_path[0] = '\0';
	socklen_t length = offsetof(struct sockaddr_un, sun_path) + strlen(path);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, ready, sizeof ready - 1, MSG_NOSIGNAL, (struct sockaddr *)&to, length) < 0)
		say("leasefs keeper: NOTIFY_SOCKET: %s", strerror(errno));
	shut(&fd);
}

static void serves(void)
{
	if (!started)
		notify_systemd();
	started = true;
	running.serves = true;
	before_it = NULL;
	for (int number = 1; number < _NSIG; number++) {
		if (held[number])
			pass_on(number);
		held[number] = false;
	}
}

/* Whether the message is one, whose descriptor, if it brings one, is kept. `text` ends with a NUL behind `length`. */
static bool understood(const char *text, size_t length, int fd)
{
	if (length == 0 || (fd >= 0) != (text[0] == 'P'))
		return false;
	if (text[0] == 'U')
		return next(text + 1, length - 1);
	if (strlen(text) != length)
		return false;
	switch (text[0]) {
	case 'P':
		return is_name(text + 1) && keep(text + 1, fd);
	case 'D':
		if (is_name(text + 1))
			drop(text + 1);
		return is_name(text + 1);
	case 'M':
		return mounted(text + 1);
	case 'R':
		if (length == 1)
			serves();
		return length == 1;
	default:
		return false;
	}
}

union rights {
	struct cmsghdr header;
	char room[CMSG_SPACE(8 * sizeof(int))];
};

bool take(void)
{
	static char text[RECORD_MAX];
	struct iovec part = { text, sizeof text - 1 };
	union rights control;
	memset(&control, 0, sizeof control);
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control };
	message.msg_controllen = sizeof control;
	ssize_t length = recvmsg(running.socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (length < 0)
		return errno == EINTR;
	int fd = -1;
	int count = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = CMSG_LEN(0); at + sizeof fd <= c->cmsg_len; at += sizeof fd, count++) {
			shut(&fd);
			memcpy(&fd, (char *)c + at, sizeof fd);
		}
	}
	bool whole = count <= 1 && !(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC));
	text[length] = '\0';
	if (whole && understood(text, length, fd))
		return true;
	shut(&fd);
	/* Of no bytes: the end, or a message of that length, which others may follow though the daemon has ended. */
	if (length == 0) {
		struct pollfd ended = { .fd = running.socket };
		int left = 0;
		return poll(&ended, 1, 0) == 0 || (ioctl(running.socket, SIOCINQ, &left) == 0 && left > 0);
	}
	if (!running.babbled)
		say("leasefs keeper: daemon %d sent what is no message, which it ignores", (int)running.pid);
	running.babbled = true;
	return true;
}

int greet(void)
{
	char text[NAME_BYTES + 1];
	bool last = running.greeted == kept_count;
	int length = last ? snprintf(text, sizeof text, "E%lu", deaths)
			  : snprintf(text, sizeof text, "H%s", kept[running.greeted].name);
	struct iovec part = { text, length };
	union rights control;
	memset(&control, 0, sizeof control);
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	if (!last) {
		message.msg_control = &control;
		message.msg_controllen = CMSG_LEN(sizeof(int));
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.header), &kept[running.greeted].fd, sizeof(int));
	}
	if (sendmsg(running.socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) {
		running.greeted = last ? GREETED : running.greeted + 1;
		return last ? -1 : 0;
	}
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	if (errno == ETOOMANYREFS || errno == ENOBUFS || errno == ENOMEM)
		return BUSY_MS;
	/* It is gone. */
	running.greeted = GREETED;
	return -1;
}

void drop_all(void)
{
	while (kept_count > 0)
		shut(&kept[--kept_count].fd);
}
