"""A change is seen although others ask all the time, whose answers may be older."""
import mmap
import os
import random
import sys
import time

from statx import SYNC, BITS, Mapping, libc, statx


rnd = random.Random(int(sys.argv[3]))
P = 4096
n = b"f"
RW = mmap.PROT_READ | mmap.PROT_WRITE


def within(act, flags=os.O_WRONLY):
    f = os.open(n, flags)
    act(f)
    os.close(f)


within(lambda f: os.write(f, b"x" * 16 * P), os.O_CREAT | os.O_WRONLY)


def stored(f):
    m = Mapping(f, 16 * P, RW)
    m[rnd.randrange(16 * P)] = 1
    m.flush()
    m.close()


def punched(f):
    libc.fallocate(f, 3, P * rnd.randrange(16), P)
    os.pwrite(f, b"z" * 16 * P, 0)


def renamed():
    os.rename(n, b"g")
    os.rename(b"g", n)


def linked():
    os.link(n, b"g")
    os.unlink(b"g")


does = [
    lambda: within(stored, os.O_RDWR),
    lambda: within(punched),
    lambda: within(lambda f: os.pwrite(f, b"y" * 1000, rnd.randrange(60000))),
    renamed,
    linked,
    lambda: os.chmod(n, rnd.choice([0o600, 0o644])),
    lambda: os.setxattr(n, "user.a", b"x"),
    lambda: (os.truncate(n, P), within(lambda f: os.write(f, b"z" * 16 * P))),
]
others = []
for i in range(2):
    pid = os.fork()
    if pid == 0:
        while os.getppid() != 1:
            for i in range(100):
                try:
                    statx(n, 0, rnd.choice(list(BITS.values())))
                except OSError:
                    pass
        os._exit(0)
    others.append(pid)
try:
    for step in range(int(sys.argv[2])):
        rnd.choice(does)()
        looks = []
        for i in range(3):
            looks.append(statx(n))
            time.sleep(0.0003)
        true = statx(n, SYNC)
        for k in BITS:
            assert k == "atime" or any(look[k] == true[k] for look in looks), (step, k, looks, true)
finally:
    for pid in others:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
