/* The end of a mount that no daemon serves any more. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keeper.h"

static bool is_mount(int fd)
{
	char path[48], text[512], *line;
	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", fd);
	int info = open(path, O_RDONLY | O_CLOEXEC);
	if (info < 0)
		return false;
	ssize_t length = read(info, text, sizeof text - 1);
	shut(&info);
	text[length < 0 ? 0 : length] = '\0';
	line = strstr(text, "mnt_id:");
	return line && strtoul(line + strlen("mnt_id:"), NULL, 10) == mount_id;
}

/* fusermount3 unmounts for ordinary users. */
static void unmount_by_helper(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		if (sigprocmask(SIG_SETMASK, &mask_before, NULL) == 0)
			execlp("fusermount3", "fusermount3", "-u", "-z", "--", mount_path, (char *)NULL);
		_exit(127);
	}
	if (pid > 0 && waitpid(pid, NULL, 0) < 0)
		say("leasefs keeper: fusermount3: %s", strerror(errno));
}

void end_mount(void)
{
	drop_all();
	char *slash = strrchr(mount_path, '/');
	if (mount_id == 0 || !slash)
		return;
	*slash = '\0';
	int dir = open(slash == mount_path ? "/" : mount_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	*slash = '/';
	int root = dir < 0 ? -1 : openat(dir, slash + 1, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	bool ours = root >= 0 && is_mount(root);
	/* Open, it would keep the mount busy. */
	shut(&root);
	char path[PATH_MAX];
	int length = snprintf(path, sizeof path, "/proc/self/fd/%d/%s", dir, slash + 1);
	if (ours && length < (int)sizeof path && umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
		unmount_by_helper();
	shut(&dir);
}
