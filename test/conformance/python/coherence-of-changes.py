"""What the kernel remembers of a file is what the file is, after each of many changes."""
import ctypes
import errno
import fcntl
import mmap
import os
import random
import struct
import sys

from statx import SYNC, BITS, Mapping, libc, statx, tick


rnd = random.Random(int(sys.argv[3]))
names = [b"a", b"b"]
fds = []
maps = []
links = []
log = []
for n in names:
    os.close(os.open(n, os.O_CREAT | os.O_WRONLY, 0o644))
size = lambda fd: os.lseek(fd, 0, os.SEEK_END)


def able(*modes):
    own = [f for f in fds if f[1] in modes]
    return rnd.choice(own)[0] if own else None


where = lambda: rnd.randrange(64) * rnd.choice([4096, 4096, 1000])


def do_open():
    fds.append((os.open(rnd.choice(names), mode := rnd.choice([os.O_RDONLY, os.O_WRONLY, os.O_RDWR])), mode))


def do_trunc_open():
    os.close(os.open(rnd.choice(names), os.O_WRONLY | os.O_TRUNC))


def do_close():
    if fds:
        os.close(fds.pop(rnd.randrange(len(fds)))[0])


def do_write():
    fd = able(os.O_WRONLY, os.O_RDWR)
    if fd is not None:
        os.pwrite(fd, b"x" * rnd.choice([1, 4096, 20000]), where())


def do_fill():
    fd = os.open(rnd.choice(names), os.O_WRONLY | os.O_TRUNC)
    os.write(fd, b"y" * where())
    os.close(fd)


def do_read():
    fd = able(os.O_RDONLY, os.O_RDWR)
    if fd is not None:
        os.pread(fd, 8192, where())


def do_truncate():
    os.truncate(rnd.choice(names), where())


def do_ftruncate():
    fd = able(os.O_WRONLY, os.O_RDWR)
    if fd is not None:
        os.ftruncate(fd, where())


def do_fallocate():
    fd = able(os.O_WRONLY, os.O_RDWR)
    if fd is not None and libc.fallocate(
        fd, rnd.choice([0, 1, 3, 3, 16, 17]), where(), rnd.choice([1, 4096, 50000])
    ):
        assert ctypes.get_errno() in (errno.EOPNOTSUPP, errno.ENODEV)


def do_map():
    fd = able(os.O_RDWR, os.O_RDONLY)
    if fd is None or size(fd) == 0 or len(maps) > 4:
        return
    rw = fcntl.fcntl(fd, fcntl.F_GETFL) & 3 == os.O_RDWR and rnd.random() < 0.7
    maps.append(
        (
            Mapping(fd, size(fd), mmap.PROT_READ | (mmap.PROT_WRITE if rw else 0)),
            os.dup(fd) if rnd.random() < 0.3 else -1,
            os.fstat(fd).st_ino,
            rw,
        )
    )


def reach(m):
    return min(
        len(m[0]), max([s["size"] for s in (statx(n, SYNC) for n in names) if s["ino"] == m[2]], default=0)
    )


def do_store():
    for m in maps:
        if m[3] and reach(m):
            m[0][rnd.randrange(reach(m))] = 7
            m[0].flush()


def do_load():
    for m in maps:
        if reach(m):
            m[0][rnd.randrange(reach(m))]


def do_unmap():
    if maps:
        m = maps.pop(rnd.randrange(len(maps)))
        m[0].close()
        if m[1] >= 0:
            os.close(m[1])


def do_msync():
    for m in maps:
        m[0].flush()


def do_chmod():
    os.chmod(
        rnd.choice(names), rnd.choice([0o600, 0o644, 0o755, 0o700, 0o666, 0o640, 0o4755, 0o2755, 0o2644])
    )


def do_chown():
    if os.getuid() == 0:
        os.chown(rnd.choice(names), rnd.choice([0, 1234]), rnd.choice([0, 77]))


def do_utime():
    os.utime(rnd.choice(names), ns=(rnd.randrange(10**18), rnd.randrange(10**18)))


def do_link():
    links.append(b"l%d" % rnd.randrange(10**9))
    os.link(rnd.choice(names), links[-1])


def do_unlink():
    if links:
        os.unlink(links.pop(rnd.randrange(len(links))))


def do_rename():
    n = rnd.choice(names)
    os.rename(n, b"z")
    os.rename(b"z", n)


def do_over():
    if links:
        os.rename(links.pop(), rnd.choice(names))


def do_swap():
    libc.renameat2(-100, names[0], -100, names[1], 2)


def do_anew():
    n = rnd.choice(names)
    os.unlink(n)
    os.close(os.open(n, os.O_CREAT | os.O_RDWR, 0o644))


def do_xattr():
    os.setxattr(rnd.choice(names), "user.x", b"v")


def do_noxattr():
    try:
        os.removexattr(rnd.choice(names), "user.x")
    except OSError as e:
        assert e.errno == errno.ENODATA, e


def do_acl():
    os.setxattr(
        rnd.choice(names),
        "system.posix_acl_access",
        struct.pack("=I", 2)
        + b"".join(
            struct.pack("=HHI", *e)
            for e in [
                (1, 6, 2**32 - 1),
                (2, 4, 1234),
                (4, rnd.choice([0, 4]), 2**32 - 1),
                (16, rnd.choice([0, 4, 7]), 2**32 - 1),
                (32, 0, 2**32 - 1),
            ]
        ),
    )


def do_copy():
    a = os.open(names[0], os.O_RDONLY)
    b = os.open(names[1], os.O_WRONLY)
    os.copy_file_range(a, b, rnd.choice([4096, 100000]), where(), where())
    os.close(a)
    os.close(b)


def do_sendfile():
    a = os.open(names[1], os.O_RDONLY)
    b = os.open(names[0], os.O_WRONLY)
    os.sendfile(b, a, 0, 30000)
    os.close(a)
    os.close(b)


def do_list():
    for e in os.scandir():
        e.stat()


def do_fork():
    pid = os.fork()
    if pid == 0:
        f = os.open(rnd.choice(names), os.O_RDWR)
        os.ftruncate(f, 8192)
        m = Mapping(f, 8192, 3)
        os.close(f)
        m[5000] = 1
        m[0] = 2
        m.flush()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0


def check_acl(n, mode):
    """What the kernel has cached of an ACL goes with the mode, which the ACL is a part of."""
    try:
        acl = os.getxattr(n, "system.posix_acl_access")
    except OSError as e:
        assert e.errno in (errno.ENODATA, errno.EOPNOTSUPP), e
        return
    bits = {tag: bits for tag, bits, _ in struct.iter_unpack("=HHI", acl[4:])}
    got = bits[1] << 6 | bits.get(16, bits[4]) << 3 | bits[32]
    assert got == mode & 0o777, (n, oct(got), oct(mode), log[-12:])


does = [f for k, f in list(globals().items()) if k.startswith("do_")] + [
    do_open,
    do_write,
    do_store,
    do_store,
    do_load,
    do_read,
    do_fill,
]
for step in range(int(sys.argv[2])):
    do = rnd.choice(does)
    log.append(do.__name__)
    try:
        do()
    except OSError as e:
        assert e.errno == errno.EOPNOTSUPP or (
            e.errno == errno.EINVAL and do == do_copy and statx(names[0])["ino"] == statx(names[1])["ino"]
        ), (e, log[-1])
    if len(fds) > 6:
        do_close()
    for n in names:
        fields = [k for k in BITS if rnd.random() < 0.4] if rnd.random() < 0.7 else list(BITS)
        got = statx(n, 0, sum(BITS[k] for k in fields))
        true = statx(n, SYNC)
        for k in fields:
            assert got[k] == true[k], (step, n, k, got[k], true[k], log[-12:])
        check_acl(n, true["mode"])
        if rnd.random() < 0.5:
            statx(n)
    # Two changes within one tick of the clock that stamps files have the same stamp.
    tick()
