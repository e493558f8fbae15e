"""Splice, sendfile, tee and vmsplice carry the bytes."""
import ctypes
import os

from check import directory


libc = ctypes.CDLL(None, use_errno=True)
a = os.open(directory + b"/a", os.O_RDWR | os.O_CREAT)
b = os.open(directory + b"/b", os.O_RDWR | os.O_CREAT)
want = os.urandom(300000)
os.write(a, want)
os.lseek(a, 0, 0)
left = len(want)
while left:
    left -= os.sendfile(b, a, None, left)
assert os.pread(b, 400000, 0) == want
os.ftruncate(b, 0)
os.lseek(a, 0, 0)
os.lseek(b, 0, 0)
r, w = os.pipe()
left = len(want)
while left:
    n = libc.splice(a, None, w, None, 65536, 0)
    assert n > 0
    while n:
        k = libc.splice(r, None, b, None, n, 0)
        assert k > 0
        n -= k
        left -= k
assert os.pread(b, 400000, 0) == want
