"""Sendfile: a short count, then ENOSPC."""
import errno
import os

from check import fails
from space import BLOCK, create, fill, size_and_blocks

source = create(b"s")
os.write(source, b"a" * 4 * BLOCK)
file = create(b"f")
ballast = fill(2)
assert os.sendfile(file, source, 0, 4 * BLOCK) == 2 * BLOCK
fails(errno.ENOSPC, os.sendfile, file, source, 2 * BLOCK, BLOCK)
assert size_and_blocks(file) == (2 * BLOCK, 16)
