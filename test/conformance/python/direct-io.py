"""O_DIRECT reads what was written and mapped, and writes what they read."""
import errno
import mmap
import os

from check import directory


p = directory + b"/f"
f = os.open(p, os.O_RDWR | os.O_CREAT)
os.write(f, os.urandom(65536))
want = os.pread(f, 65536, 0)
try:
    g = os.open(p, os.O_RDWR | os.O_DIRECT)
except OSError as x:
    assert x.errno == errno.EINVAL
    g = os.open(p, os.O_RDWR)
b = mmap.mmap(-1, 16384)
assert os.preadv(g, [b], 8192) == 16384 and b[:] == want[8192:24576]
m = mmap.mmap(f, 65536)
m[0:4] = b"map!"
assert os.preadv(g, [b], 0) == 16384 and b[0:4] == b"map!"
b[0:5] = b"dio!!"
assert os.pwritev(g, [b], 16384) == 16384 and os.pread(f, 5, 16384) == b"dio!!" and m[16384:16389] == b"dio!!"
