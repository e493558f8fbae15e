"""A directory whose every name is renamed while it is read comes to an end, and is seen whole after rewinddir."""
import ctypes
import os

from check import directory


n = 3000
for i in range(n):
    os.close(os.open(directory + b"/%040d" % i, os.O_CREAT))
seen = []
for e in os.scandir(directory):
    seen.append(e.name)
    assert len(seen) <= n
    os.rename(e.path, e.path + b"+")
assert sorted(seen) == [b"%040d" % i for i in range(n)]
libc = ctypes.CDLL(None)
libc.fdopendir.restype = ctypes.c_void_p
libc.readdir.restype = ctypes.c_void_p
p = ctypes.c_void_p(libc.fdopendir(os.open(directory, os.O_RDONLY)))


def count():
    c = 0
    while libc.readdir(p):
        c += 1
    return c - 2


assert count() == n
for i in range(9):
    os.close(os.open(directory + b"/new%d" % i, os.O_CREAT))
libc.rewinddir(p)
assert count() == n + 9
