"""Private mappings are copies, read-only ones refuse stores, shared ones need a descriptor open for writing."""
import errno
import mmap
import os

from check import directory, fails


p = directory + b"/f"
f = os.open(p, os.O_RDWR | os.O_CREAT)
os.write(f, b"a" * 8192)
m = mmap.mmap(f, 8192, mmap.MAP_PRIVATE)
m[0:1] = b"z"
assert os.pread(f, 1, 0) == b"a"
os.pwrite(f, b"b", 4096)
assert m[4096:4097] == b"b", "a page that was not copied is the file"
r = os.open(p, os.O_RDONLY)
fails(errno.EACCES, mmap.mmap, r, 8192, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)
q = mmap.mmap(r, 8192, mmap.MAP_SHARED, mmap.PROT_READ)
assert q[0:1] == b"a"
os.close(f)
os.close(r)
os.unlink(p)
assert q[8191:8192] == b"a"
