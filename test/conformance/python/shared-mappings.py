"""Msync, mremap, madvise(DONTNEED) and fork keep a shared mapping the file."""
import mmap
import os

from check import directory


f = os.open(directory + b"/f", os.O_RDWR | os.O_CREAT)
os.ftruncate(f, 1 << 20)
m = mmap.mmap(f, 1 << 20)
m[0:5] = b"hello"
m.flush()
m.madvise(mmap.MADV_DONTNEED)
assert m[0:5] == b"hello"
if os.fork() == 0:
    m[4096:4101] = b"child"
    os._exit(0)
os.wait()
assert os.pread(f, 5, 4096) == b"child"
os.ftruncate(f, 2 << 20)
m.resize(2 << 20)
m[(2 << 20) - 1 : 2 << 20] = b"e"
assert os.pread(f, 1, (2 << 20) - 1) == b"e"
