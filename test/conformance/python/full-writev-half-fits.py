"""Writev of which half fits: so many bytes, in order."""
import errno
import os

from check import fails
from space import BLOCK, create, fill, size_and_blocks

file = create(b"f")
ballast = fill(2)
assert os.writev(file, [b"a" * BLOCK, b"b" * BLOCK, b"c" * BLOCK]) == 2 * BLOCK
assert os.pread(file, 9 * BLOCK, 0) == b"a" * BLOCK + b"b" * BLOCK
assert size_and_blocks(file) == (2 * BLOCK, 16)
fails(errno.ENOSPC, os.writev, file, [b"c" * BLOCK, b"d"])
