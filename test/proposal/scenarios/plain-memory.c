/* Memory that is no file's needs no lease, and a range over both is judged for the file's part (N1). */
#include "../proposal.h"

int main(int argc, char **argv)
{
	int fd = begin(argc, argv);
	char *at = mmap(NULL, 2 * MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must("mmap", at != MAP_FAILED);
	expect("register anonymous memory", 0, try_register(at, 2 * MIB));
	must("mmap", mmap(at + MIB, MIB, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) != MAP_FAILED);
	expect("register it with a file behind it", -EPERM, try_register(at, 2 * MIB));
	expect("take an exclusive lease on the file", 0, lease_set(fd, EXCLUSIVE));
	expect_registered("register both", try_register(at, 2 * MIB));
	return finish();
}
