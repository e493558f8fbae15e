"""Fallocate beyond what is free: ENOSPC, and no block of it stays."""
import errno
import os

from space import BLOCK, KEEP, ZERO, create, fallocate, fill, free_blocks, size_and_blocks

file = create(b"f")
os.write(file, b"a" * BLOCK)
ballast = fill(4)
before = size_and_blocks(file)
for mode in (0, KEEP, ZERO, ZERO | KEEP):
    for off, length in ((0, 9 * BLOCK), (BLOCK, 5 * BLOCK), (1 << 30, 5 * BLOCK), (BLOCK, 1 << 40)):
        try:
            fallocate(file, mode, off, length)
        except OSError as error:
            assert error.errno == errno.ENOSPC or (mode & ZERO and error.errno == errno.EOPNOTSUPP), error
        else:
            assert False, (mode, off, length)
        found = size_and_blocks(file), free_blocks()
        assert found == (before, 4), (mode, off, length, found)
        assert os.pread(file, 9 * BLOCK, 0) == b"a" * BLOCK, (mode, off, length)
fallocate(file, 0, BLOCK, 4 * BLOCK)
assert free_blocks() == 0
assert size_and_blocks(file) == (5 * BLOCK, 40)
fallocate(file, 0, 0, 5 * BLOCK)
fallocate(file, KEEP, BLOCK, BLOCK)
assert os.pwrite(file, b"b" * 4 * BLOCK, BLOCK) == 4 * BLOCK
