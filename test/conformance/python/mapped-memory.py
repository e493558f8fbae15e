"""Mapped memory and read(2) are one."""
import mmap
import os

from check import directory

file = os.open(directory + b"/f", os.O_RDWR | os.O_CREAT)
os.ftruncate(file, 8192)
memory = mmap.mmap(file, 8192)
memory[100:103] = b"abc"
assert os.pread(file, 3, 100) == b"abc"
os.pwrite(file, b"xyz", 4096)
assert memory[4096:4099] == b"xyz"
memory.flush()
os.close(file)
memory[0:1] = b"q"
assert open(directory + b"/f", "rb").read(1) == b"q"
