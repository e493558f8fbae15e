"""A store through a mapping, and the hole that a load fills, shows in the next statx of that field alone."""
import mmap
import os

from statx import SYNC, BITS, Mapping, libc, statx, tick


P = 4096
RW = mmap.PROT_READ | mmap.PROT_WRITE


def made(name, flags, pages, hole=False):
    f = os.open(name, os.O_CREAT | flags, 0o644)
    if hole:
        os.ftruncate(f, pages * P)
    else:
        os.write(f, b"x" * pages * P)
    return f


def moves(name, field, act, ask=True):
    if ask:
        statx(name)
    tick()
    before = statx(name, 0, BITS[field])[field]
    act()
    after = statx(name, 0, BITS[field])[field]
    true = statx(name, SYNC)[field]
    assert after == true, (name, field, before, after, true)


def store(m, page):
    m[page * P] = 1
    m.flush()


def load(m, page):
    return m[page * P]


# A descriptor that is opened after the attributes were asked for.
os.close(made(b"later", os.O_WRONLY, 4))
statx(b"later")
f = os.open(b"later", os.O_RDWR)
m = Mapping(f, 4 * P, RW)
moves(b"later", "mtime", lambda: store(m, 0), False)
moves(b"later", "ctime", lambda: store(m, 1))
# Asked for while it is open and not mapped yet.
g = made(b"between", os.O_RDWR, 4)
statx(b"between")
n = Mapping(g, 4 * P, RW)
moves(b"between", "mtime", lambda: store(n, 0), False)
n.close()
os.close(g)
# Asked for while it was empty.
g = made(b"empty", os.O_RDWR, 0)
statx(b"empty")
os.ftruncate(g, 4 * P)
n = Mapping(g, 4 * P, RW)
moves(b"empty", "mtime", lambda: store(n, 0), False)
n.close()
os.truncate(b"empty", 0)
statx(b"empty")
os.write(g, b"x" * 4 * P)
n = Mapping(g, 4 * P, RW)
moves(b"empty", "mtime", lambda: store(n, 1), False)
n.close()
os.close(g)
# The mapping that is left when the descriptor is closed; statx(2) twice before that.
os.close(f)
moves(b"later", "mtime", lambda: store(m, 2))
moves(b"later", "mtime", lambda: store(m, 3))
m.close()
moves(b"later", "mtime", lambda: os.utime(b"later", ns=(5, 6)))
# One that a reader has kept beside, then one that comes of a process that is gone.
os.close(made(b"beside", os.O_RDWR, 4))
r = os.open(b"beside", os.O_RDONLY)
os.read(r, 5)
statx(b"beside")
f = os.open(b"beside", os.O_RDWR)
m = Mapping(f, 4 * P, RW)
os.close(f)
moves(b"beside", "mtime", lambda: store(m, 0), False)
os.close(r)
moves(b"beside", "mtime", lambda: store(m, 1))
m.close()
# Opened so that no time of access tells of the mapping.
os.close(made(b"unseen", os.O_WRONLY, 4))
f = os.open(b"unseen", os.O_RDWR | os.O_NOATIME)
m = Mapping(f, 4 * P, RW)
os.close(f)
moves(b"unseen", "mtime", lambda: store(m, 0))
m.close()
# Holes.
os.close(made(b"hole", os.O_WRONLY, 4, True))
f = os.open(b"hole", os.O_RDONLY)
m = Mapping(f, 4 * P, mmap.PROT_READ)
moves(b"hole", "blocks", lambda: load(m, 1))
os.close(f)
moves(b"hole", "blocks", lambda: load(m, 2))
m.close()
# A hole that as many blocks beyond the end make up for.
f = made(b"beyond", os.O_WRONLY, 4)
if libc.fallocate(f, 3, P, P) == 0 and libc.fallocate(f, 1, 4 * P, P) == 0:
    os.close(f)
    f = os.open(b"beyond", os.O_RDONLY)
    m = Mapping(f, 4 * P, mmap.PROT_READ)
    moves(b"beyond", "blocks", lambda: load(m, 1))
    m.close()
os.close(f)
# A write that clears setuid: a daemon's, that sees it late, and another user's.
f = made(b"root", os.O_WRONLY, 1)
os.fchmod(f, 0o4755)
moves(b"root", "mode", lambda: os.pwrite(f, b"y", 0))
os.close(f)
if os.getuid() == 0:
    f = made(b"setuid", os.O_WRONLY, 1)
    os.fchmod(f, 0o4755)
    os.fchown(f, 0, 1234)
    os.fchmod(f, 0o4777)
    statx(b"setuid")
    pid = os.fork()
    if pid == 0:
        os.setgid(1234)
        os.setuid(1234)
        g = os.open(b"setuid", os.O_WRONLY)
        os.write(g, b"y")
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0 and statx(b"setuid", 0, 2)["mode"] & 0o7777 == 0o777
    os.close(f)
