"""A punch and a truncate need no block, and what they free can be had again."""
import os

from space import BLOCK, PUNCH, create, fallocate, fill, free_blocks, size_and_blocks

file = create(b"f")
os.write(file, b"a" * 8 * BLOCK)
ballast = fill(0)
fallocate(file, PUNCH, BLOCK, 2 * BLOCK)
assert free_blocks() == 2
assert size_and_blocks(file) == (8 * BLOCK, 48)
fallocate(file, 0, BLOCK, 2 * BLOCK)
assert free_blocks() == 0
assert os.pread(file, 2 * BLOCK, BLOCK) == bytes(2 * BLOCK)
fallocate(file, PUNCH, 100, BLOCK)
os.ftruncate(file, 2 * BLOCK + 7)
assert free_blocks() == 5
assert size_and_blocks(file) == (2 * BLOCK + 7, 24)
fallocate(file, 0, 0, 8 * BLOCK)
assert free_blocks() == 0
os.ftruncate(file, 1 << 40)
assert size_and_blocks(file) == (1 << 40, 64), "a longer file needs no block"
os.close(create(b"f", os.O_TRUNC))
assert size_and_blocks(file) == (0, 0)
assert free_blocks() == 8
