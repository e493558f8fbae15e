"""A write takes what fits and says how much, the next is ENOSPC and changes nothing."""
import errno
import os

from check import fails
from space import BLOCK, create, eventually, fill, free_blocks, size_and_blocks

file = create(b"f")
ballast = fill(3)
assert os.write(file, b"a" * 5 * BLOCK) == 3 * BLOCK
assert size_and_blocks(file) == (3 * BLOCK, 24)
assert free_blocks() == 0
fails(errno.ENOSPC, os.write, file, b"b" * BLOCK)
fails(errno.ENOSPC, os.write, file, b"b")
assert size_and_blocks(file) == (3 * BLOCK, 24)
assert os.pread(file, 9 * BLOCK, 0) == b"a" * 3 * BLOCK
# What has its blocks is written.
assert os.pwrite(file, b"c" * 2 * BLOCK, BLOCK // 2) == 2 * BLOCK
assert free_blocks() == 0
# Up to the end of the last block.
assert os.pwrite(file, b"d" * 4 * BLOCK, 2 * BLOCK + 100) == BLOCK - 100
assert size_and_blocks(file) == (3 * BLOCK, 24)
os.ftruncate(ballast, os.fstat(ballast).st_size - 2 * BLOCK)
eventually(lambda: free_blocks() == 2)
assert os.pwrite(file, b"e" * 4 * BLOCK, 3 * BLOCK) == 2 * BLOCK
assert os.pread(file, 9 * BLOCK, 3 * BLOCK) == b"e" * 2 * BLOCK
