"""A lock that is waited for comes when it is free, and the wait can be interrupted."""
import fcntl
import os
import signal
import time

from check import directory


path = directory + b"/f"
f = os.open(path, os.O_RDWR | os.O_CREAT)
for take, drop in (
    (lambda g: fcntl.lockf(g, fcntl.LOCK_EX), lambda g: fcntl.lockf(g, fcntl.LOCK_UN)),
    (lambda g: fcntl.flock(g, fcntl.LOCK_EX), lambda g: fcntl.flock(g, fcntl.LOCK_UN)),
):
    take(f)
    r, w = os.pipe()
    pid = os.fork()
    if pid == 0:

        class Stop(Exception):
            pass

        def stop(*a):
            raise Stop()

        signal.signal(signal.SIGALRM, stop)
        g = os.open(path, os.O_RDWR)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        try:
            take(g)
            os._exit(1)
        except Stop:
            pass
        os.write(w, b"x")
        take(g)
        os._exit(0)
    assert os.read(r, 1) == b"x"
    time.sleep(0.05)
    drop(f)
    assert os.waitpid(pid, 0)[1] == 0
