"""A hundred thousand open descriptions at once, of a thousand files."""
import os
import resource

from check import directory

hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
share = min(hard, 20_100) - 100
processes = -(-100_000 // share)
for number in range(1000):
    open(directory + b"/%d" % number, "w").write(str(number))
opened = os.pipe()
unlinked = os.pipe()
pids = []
for child in range(processes):
    pid = os.fork()
    if pid == 0:
        os.close(unlinked[1])
        fds = [os.open(directory + b"/%d" % (number % 1000), os.O_RDWR) for number in range(share)]
        os.write(opened[1], b".")
        assert os.read(unlinked[0], 1) == b""
        for number in range(0, share, 37):
            assert os.pread(fds[number], 8, 0) == b"%d" % (number % 1000)
        os._exit(0)
    pids.append(pid)
os.close(opened[1])
os.close(unlinked[0])
for child in range(processes):
    assert os.read(opened[0], 1) == b"."
for number in range(1000):
    os.unlink(directory + b"/%d" % number)
os.close(unlinked[1])
for pid in pids:
    assert os.waitpid(pid, 0)[1] == 0
assert os.listdir(directory) == []
