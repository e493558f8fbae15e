"""Statfs and sizes far out."""
import os

from check import directory

space = os.statvfs(directory)
assert space.f_bsize == 4096
assert 0 < space.f_bfree <= space.f_blocks
assert space.f_namemax == 255
file = os.open(directory + b"/f", os.O_RDWR | os.O_CREAT)
os.ftruncate(file, 1 << 42)
os.pwrite(file, b"x", (1 << 42) - 1)
assert os.fstat(file).st_blocks == 8
assert os.pread(file, 1, (1 << 42) - 1) == b"x"
