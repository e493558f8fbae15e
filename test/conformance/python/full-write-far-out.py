"""Pwrite far beyond the end, O_APPEND and O_DIRECT: ENOSPC, neither size nor blocks change."""
import errno
import mmap
import os

from check import directory, fails
from space import BLOCK, create, fill, size_and_blocks, when_possible

file = create(b"f")
os.write(file, b"a" * 100)
appending = create(b"f", os.O_APPEND)
ballast = fill(0)
fails(errno.ENOSPC, os.pwrite, file, b"b", 1 << 30)
assert size_and_blocks(file) == (100, 8)
assert os.write(appending, b"c" * (BLOCK - 100)) == BLOCK - 100
fails(errno.ENOSPC, os.write, appending, b"d")
assert size_and_blocks(file) == (BLOCK, 8)
try:
    direct = os.open(directory + b"/f", os.O_RDWR | os.O_DIRECT)
except OSError as error:
    assert error.errno == errno.EINVAL
else:
    memory = mmap.mmap(-1, BLOCK)
    fails(errno.ENOSPC, os.pwritev, direct, [memory], 1 << 20)
    assert size_and_blocks(file) == (BLOCK, 8)
os.unlink(directory + b"/ballast")
os.close(ballast)
assert when_possible(os.pwrite, file, b"b", 1 << 30) == 1
assert os.pread(file, 1, 1 << 30) == b"b"
assert size_and_blocks(file) == ((1 << 30) + 1, 16)
