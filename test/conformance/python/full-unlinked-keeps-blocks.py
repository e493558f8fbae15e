"""An unlinked file keeps its blocks and its inode until the last close."""
import errno
import os

from check import directory, fails
from space import BLOCK, all_free, create, eventually, fallocate, free_blocks, free_inodes, when_possible

file = create(b"f")
fallocate(file, 0, 0, free_blocks() * BLOCK)
inodes = free_inodes()
os.unlink(directory + b"/f")
assert free_blocks() == 0
assert free_inodes() <= inodes
other = create(b"g")
fails(errno.ENOSPC, fallocate, other, 0, 0, BLOCK)
os.close(file)
when_possible(fallocate, other, 0, 0, BLOCK)
eventually(lambda: free_blocks() == all_free - 1)
