"""Sizes: the largest offset, and beyond it."""
import errno
import os

from check import directory, fails


f = os.open(directory + b"/f", os.O_RDWR | os.O_CREAT)
fails(errno.EINVAL, os.ftruncate, f, -1)
os.ftruncate(f, 1 << 43)
assert os.fstat(f).st_size == 1 << 43 and os.fstat(f).st_blocks == 0
os.pwrite(f, b"e", (1 << 43) - 1)
assert os.lseek(f, 0, os.SEEK_DATA) == (1 << 43) - 4096
