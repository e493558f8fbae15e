"""Copy_file_range: what fits, then ENOSPC; the source stays."""
import errno
import os

from space import BLOCK, create, fill, free_blocks, size_and_blocks

source = create(b"s")
os.write(source, bytes(range(256)) * 64)
file = create(b"f")
ballast = fill(2)
done = 0
try:
    while done < 4 * BLOCK:
        done += os.copy_file_range(source, file, 4 * BLOCK - done, done, done)
except OSError as error:
    assert error.errno == errno.ENOSPC, error
assert done == 2 * BLOCK
assert size_and_blocks(file) == (2 * BLOCK, 16)
assert free_blocks() == 0
assert os.pread(file, 9 * BLOCK, 0) == os.pread(source, 2 * BLOCK, 0)
assert size_and_blocks(source) == (4 * BLOCK, 32)
