/* execing MNT - opens a file that exec(2) closes, prints a line, and executes another program when there is one to read. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char path[4096], byte;
	if (argc != 2)
		return 2;
	snprintf(path, sizeof path, "%s/execing", argv[1]);
	if (open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) < 0)
		return 3;
	printf("%d\n", getpid());
	fflush(stdout);
	if (read(0, &byte, 1) != 1)
		return 4;
	execl("/bin/true", "true", (char *)NULL);
	return 5;
}
