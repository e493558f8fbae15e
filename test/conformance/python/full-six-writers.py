"""Six processes write the last blocks: all of them are taken, none twice."""
import errno
import os

from check import directory
from space import BLOCK, create, fill, free_blocks

ballast = fill(60)
pids = []
for child in range(6):
    pid = os.fork()
    if pid == 0:
        file = create(b"p%d" % child)
        try:
            while True:
                assert os.write(file, b"%d" % child * BLOCK) == BLOCK
        except OSError as error:
            os._exit(0 if error.errno == errno.ENOSPC else 1)
    pids.append(pid)
for pid in pids:
    assert os.waitpid(pid, 0)[1] == 0
assert free_blocks() == 0
total = 0
for child in range(6):
    data = open(directory + b"/p%d" % child, "rb").read()
    assert data == b"%d" % child * len(data)
    total += len(data)
assert total == 60 * BLOCK
