"""The leases of fcntl that are no layout leases."""
import errno
import fcntl
import os
import signal

from check import directory, fails


signal.signal(signal.SIGIO, signal.SIG_IGN)
path = directory + b"/f"
f = os.open(path, os.O_RDWR | os.O_CREAT)
r = os.open(path, os.O_RDONLY)
fails(errno.EAGAIN, fcntl.fcntl, f, fcntl.F_SETLEASE, fcntl.F_WRLCK)
assert fcntl.fcntl(f, fcntl.F_GETLEASE) == fcntl.F_UNLCK
