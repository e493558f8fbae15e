#!/usr/bin/env python3
"""What a user does without pause, and how long another user's fstat takes beside it.

As root, on a mount that every user may write to:

    leasefs mount --store direct --size 1g -o allow_other,mode=1777 MNT
    bench/hostile.py MNT [NAME...]

A row for each of the works below: median, 99 % and longest fstat of another user, in us, asked of the daemon
(AT_STATX_FORCE_SYNC), and the ratio of the 99 % to that of the idle mount, measured before each row.
"""

import ctypes
import fcntl
import os
import signal
import struct
import sys
import time

MIB = 1 << 20
LARGE = 256 * MIB
OTHER, HOSTILE = 65533, 65534
SECONDS = 2.0
RELEASED, SHARED = 2, 80

libc = ctypes.CDLL(None, use_errno=True)


def ioctl_number(number: int, size: int) -> int:
    return 3 << 30 | size << 16 | ord("Y") << 8 | number


def set_lease(fd: int, kind: int) -> None:
    fcntl.ioctl(fd, ioctl_number(0x80, 56), bytearray(struct.pack("=IIIi", 1, kind, 1, 0) + bytes(40)))


def fallocate(fd: int, mode: int, off: int, length: int) -> None:
    if libc.fallocate(fd, mode, ctypes.c_long(off), ctypes.c_long(length)) < 0:
        raise OSError(ctypes.get_errno(), "fallocate")


def opened(path: str, flags: int = 0) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | flags, 0o644)


def filled(path: str) -> int:
    fd = opened(path)
    fallocate(fd, 0, 0, LARGE)
    return fd


def allocates(path: str):
    fd = opened(path)
    while True:
        fallocate(fd, 0, 0, LARGE)
        yield
        os.ftruncate(fd, 0)


def truncates(path: str):
    while True:
        fd = filled(path)
        yield
        os.ftruncate(fd, 0)
        os.close(fd)


def unlinks(path: str):
    while True:
        try:
            os.close(filled(path))
        except OSError:
            time.sleep(0.01)
        yield
        os.unlink(path)


def punches(path: str):
    while True:
        fd = filled(path)
        yield
        fallocate(fd, 3, 0, LARGE)
        os.close(fd)


def zeros(path: str):
    fd = filled(path)
    while True:
        yield
        fallocate(fd, 16, 0, LARGE)


def cuts_what_is_written(path: str):
    fd = opened(path)
    data = bytes(200 * MIB)
    if os.fork() == 0:
        while True:
            os.pwrite(fd, data, 0)
    while True:
        yield
        time.sleep(0.02)
        os.close(opened(path, os.O_TRUNC))


def leased(path: str, files: int, leases: int) -> list[int]:
    os.mkdir(path)
    fds = [opened(f"{path}/{n % files}") for n in range(leases)]
    for fd in fds:
        set_lease(fd, SHARED)
    return fds


def lists(path: str):
    root = path.rsplit("/", 1)[0]
    fds = leased(path, 900, 900)
    while fds:
        yield
        for name in ("leases", "leases.json"):
            with open(f"{root}/.leasefs/{name}", "rb", buffering=0) as file:
                while file.read(65536):
                    pass


def reports(path: str):
    fds = leased(path, 900, 900)
    while True:
        yield
        off, size = 0, 1
        while off < size:
            text = bytearray(struct.pack("=IIII", 1, 1, off, 0) + bytes(16016))
            fcntl.ioctl(fds[0], ioctl_number(0x85, 16032), text)
            length, size = struct.unpack_from("=II", text, 12)
            off += length


def shares(path: str):
    fds = leased(path, 1, 900)
    while True:
        yield
        for fd in fds[:50]:
            set_lease(fd, RELEASED)
            set_lease(fd, SHARED)


def lists_attributes(path: str):
    fd = opened(path)
    for n in range(20000):
        os.setxattr(fd, f"user.{n}", b"")
    while True:
        yield
        libc.flistxattr(fd, None, 0)


def seeks(path: str):
    os.mkdir(path)
    for n in range(30000):
        os.symlink("t", f"{path}/{n}")
    fd = os.open(path, os.O_RDONLY)
    entries = ctypes.create_string_buffer(4096)
    while True:
        yield
        for off in (29000, 4):
            os.lseek(fd, off, os.SEEK_SET)
            libc.syscall(217, fd, entries, 4096)


def refuses_deep(path: str):
    os.mkdir(path)
    os.chdir(path)
    for _ in range(20000):
        os.mkdir("d")
        os.chdir("d")
    fd = opened("f")
    set_lease(fd, SHARED)
    while True:
        yield
        try:
            os.truncate("f", 4096)
        except OSError:
            pass


WORKS = {
    "idle": None,
    "fallocate": allocates,
    "truncate": truncates,
    "unlink": unlinks,
    "punch": punches,
    "zero range": zeros,
    "O_TRUNC beside a write": cuts_what_is_written,
    ".leasefs/leases": lists,
    "status report": reports,
    "900 shared leases": shares,
    "20,000 attributes": lists_attributes,
    "seekdir of 30,000": seeks,
    "refusals 20,000 deep": refuses_deep,
}


def become(uid: int) -> None:
    os.setgid(uid)
    os.setuid(uid)


def begun(work, path: str) -> tuple[int, int]:
    """The process that does it, and a pipe that says when it has begun and how often it was done."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid > 0:
        os.close(writing)
        return pid, reading
    try:
        os.setpgid(0, 0)
        become(HOSTILE)
        os.close(reading)
        for _ in work(path):
            os.write(writing, b"x")
    except BaseException as error:
        sys.stderr.write(f"{work.__name__}: {error!r}\n")
    os._exit(1)


def measured(mnt: str) -> list[float]:
    """Times of fstat by another user, sorted."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        become(OTHER)
        fd = opened(f"{mnt}/other")
        out = ctypes.create_string_buffer(256)
        times = []
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            start = time.perf_counter_ns()
            libc.syscall(332, fd, b"", 0x1000 | 0x2000, 0x7FF, out)
            times.append((time.perf_counter_ns() - start) / 1000)
            time.sleep(0.0005)
        with os.fdopen(writing, "wb") as file:
            file.write(struct.pack(f"={len(times)}d", *times))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as file:
        data = file.read()
    os.wait()
    return sorted(struct.unpack(f"={len(data) // 8}d", data))


def main() -> None:
    mnt, *names = sys.argv[1:]
    print(f"{'':24} {'times':>7} {'p50':>8} {'p99':>8} {'max':>9} {'idle p99':>9} {'ratio':>7}")
    for number, name in enumerate(names or WORKS):
        work = WORKS[name]
        idle = measured(mnt)
        idle99 = idle[len(idle) * 99 // 100]
        if work is None:
            continue
        path = f"{mnt}/hostile{number}"
        pid, pipe = begun(work, path)
        os.read(pipe, 1)
        times = measured(mnt)
        done = len(os.read(pipe, 1 << 16))
        os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(pipe)
        os.system(f"rm -rf {path}")
        time.sleep(0.3)
        p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
        print(f"{name:24} {done:7} {p50:8.0f} {p99:8.0f} {times[-1]:9.0f} {idle99:9.0f} {p99 / idle99:7.1f}", flush=True)


main()
