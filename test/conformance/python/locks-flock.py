"""Flock: shared, exclusive, converted, apart from fcntl locks."""
import errno
import fcntl
import os

from check import directory, fails


path = directory + b"/f"
f = os.open(path, os.O_RDWR | os.O_CREAT)
g = os.open(path, os.O_RDWR)
fcntl.flock(f, fcntl.LOCK_SH)
fcntl.flock(g, fcntl.LOCK_SH)
fails(errno.EAGAIN, fcntl.flock, f, fcntl.LOCK_EX | fcntl.LOCK_NB)
fcntl.flock(g, fcntl.LOCK_UN)
fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
fcntl.lockf(g, fcntl.LOCK_EX | fcntl.LOCK_NB)
os.close(f)
fcntl.flock(g, fcntl.LOCK_EX | fcntl.LOCK_NB)
