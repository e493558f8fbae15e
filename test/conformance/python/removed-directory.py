"""A removed directory takes no more names, and is there while it is open."""
import errno
import os

from check import directory, fails


q = directory + b"/q"
os.mkdir(q)
f = os.open(q, os.O_RDONLY)
os.rmdir(q)
assert os.fstat(f).st_nlink == 0 and os.listdir(f) == []
fails(errno.ENOENT, os.open, b"x", os.O_CREAT, dir_fd=f)
fails(errno.ENOENT, os.mkdir, b"x", dir_fd=f)
os.fchmod(f, 0o700)
