"""A write over a hole amid data: what lies in front of it is written, what lies behind it stays."""
import errno
import os

from check import fails
from space import BLOCK, create, fill, size_and_blocks

file = create(b"f")
os.pwrite(file, b"a" * BLOCK, 0)
os.pwrite(file, b"a" * BLOCK, 2 * BLOCK)
ballast = fill(0)
assert os.pwrite(file, b"b" * 3 * BLOCK, 0) == BLOCK
fails(errno.ENOSPC, os.pwrite, file, b"b", BLOCK)
assert os.pread(file, 9 * BLOCK, 0) == b"b" * BLOCK + bytes(BLOCK) + b"a" * BLOCK
assert size_and_blocks(file) == (3 * BLOCK, 16)
