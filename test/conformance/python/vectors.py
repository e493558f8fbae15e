"""Readv, writev, preadv2 and RWF_APPEND."""
import errno
import os

from check import directory, fails


f = os.open(directory + b"/f", os.O_RDWR | os.O_CREAT)
assert os.writev(f, [b"one ", b"", b"two"]) == 7
x, y = bytearray(3), bytearray(9)
os.lseek(f, 0, 0)
assert os.readv(f, [x, y]) == 7 and bytes(x + y[:4]) == b"one two"
assert os.pwritev(f, [b"!"], 0, os.RWF_APPEND) == 1 and os.pread(f, 9, 0) == b"one two!"
assert os.pread(f, 9, 100) == b""
os.pwrite(f, b"far", 1 << 20)
assert os.pread(f, 4, (1 << 20) - 1) == b"\0far"
fails(errno.EINVAL, os.lseek, f, -1, 0)
fails(errno.EINVAL, os.pread, f, 1, -1)
fails(errno.EBADF, os.write, os.open(directory + b"/f", os.O_RDONLY), b"x")
fails(errno.EBADF, os.read, os.open(directory + b"/f", os.O_WRONLY), 1)
