"""A store into a hole by mapping: SIGBUS, or msync says ENOSPC and the data go when the page goes."""
import errno
import mmap
import os

from check import directory
from space import BLOCK, create, fill, free_blocks, size_and_blocks, when_possible

file = create(b"f")
os.ftruncate(file, BLOCK)
ballast = fill(0)
pid = os.fork()
if pid == 0:
    memory = mmap.mmap(file, BLOCK)
    memory[0:1] = b"x"
    try:
        memory.flush()
    except OSError as error:
        os._exit(error.errno)
    os._exit(0)
status = os.waitpid(pid, 0)[1]
assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == 7 or os.WEXITSTATUS(status) == errno.ENOSPC, status
assert free_blocks() == 0
assert size_and_blocks(file) == (BLOCK, 0)
os.unlink(directory + b"/ballast")
os.close(ballast)
assert when_possible(os.pwrite, file, b"y", 1) == 1
memory = mmap.mmap(file, BLOCK)
memory[2:3] = b"z"
memory.flush()
assert os.pread(file, 2, 1) == b"yz"
assert size_and_blocks(file) == (BLOCK, 8)
