"""Locks of an open file description: shared by fork, apart between opens, gone with the last close."""
import errno
import fcntl
import os
import struct

from check import directory, fails


path = directory + b"/f"
f = os.open(path, os.O_RDWR | os.O_CREAT)
g = os.open(path, os.O_RDWR)
F_OFD_SETLK = 37


def lock(h, t):
    fcntl.fcntl(h, F_OFD_SETLK, struct.pack("hhqqi4x", t, 0, 0, 0, 0))


lock(f, fcntl.F_WRLCK)
fails(errno.EAGAIN, lock, g, fcntl.F_RDLCK)
pid = os.fork()
if pid == 0:
    lock(f, fcntl.F_WRLCK)
    os._exit(0)
assert os.waitpid(pid, 0)[1] == 0
h = os.dup(f)
os.close(f)
fails(errno.EAGAIN, lock, g, fcntl.F_RDLCK)
os.close(h)
lock(g, fcntl.F_WRLCK)
