/* A breaker that will not wait, O_NONBLOCK, gets EWOULDBLOCK at once; the break has begun and the holder knows of it
 * (B4). */
#include "../proposal.h"

static long open_at_once(void)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? -errno : close(fd);
}

int main(int argc, char **argv)
{
	int fd = begin(argc, argv);

	hold_sigio();
	expect("take a shared lease", 0, lease_set(fd, SHARED_BREAKABLE));
	expect("open with O_TRUNC and O_NONBLOCK by another process", -EWOULDBLOCK, BY_ANOTHER(open_at_once()));
	expect_value("SIGIO comes all the same", SIGIO, await_sigio());
	expect_value("the size is as it was", FILE_SIZE, size_now());
	expect("release the lease", 0, lease_set(fd, NONE));
	expect("the same again", 0, SOON_BY_ANOTHER(open_at_once()));
	expect_value("which is done", 0, size_now());
	return finish();
}
