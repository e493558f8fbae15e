"""fcntl locks: conflicts, ranges, their holders, gone with any close of the process."""
import fcntl
import os
import struct

from check import directory


path = directory + b"/f"
f = os.open(path, os.O_RDWR | os.O_CREAT)
fcntl.lockf(f, fcntl.LOCK_EX, 10, 0)


def child(act):
    pid = os.fork()
    if pid == 0:
        try:
            act()
            os._exit(0)
        except BaseException as x:
            print(x, flush=True)
            os._exit(1)
    return pid


def other():
    g = os.open(path, os.O_RDWR)
    try:
        fcntl.lockf(g, fcntl.LOCK_SH | fcntl.LOCK_NB, 5, 5)
        assert False
    except BlockingIOError:
        pass
    fcntl.lockf(g, fcntl.LOCK_EX | fcntl.LOCK_NB, 5, 10)
    l = struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 5, 0)
    t, _, s, n, pid = struct.unpack("hhqqi4x", fcntl.fcntl(g, fcntl.F_GETLK, l))
    assert (t, s, n, pid) == (fcntl.F_WRLCK, 0, 10, os.getppid()), (t, s, n, pid)


assert os.waitpid(child(other), 0)[1] == 0
os.close(os.open(path, os.O_RDONLY))


def free():
    fcntl.lockf(os.open(path, os.O_RDWR), fcntl.LOCK_EX | fcntl.LOCK_NB)


assert os.waitpid(child(free), 0)[1] == 0
