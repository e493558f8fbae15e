"""What the checks of a full file system share. The second argument: how many seconds to wait for what must come."""
import ctypes
import errno
import os
import sys
import time

from check import directory

libc = ctypes.CDLL(None, use_errno=True)
WAIT_S = float(sys.argv[2])
BLOCK = 4096
# Modes of fallocate(2); PUNCH has KEEP_SIZE with it.
KEEP, PUNCH, ZERO = 1, 3, 16
AT_FDCWD, AT_SYMLINK_FOLLOW = -100, 0x400


def free_blocks():
    space = os.statvfs(directory)
    return space.f_bfree * space.f_frsize // BLOCK


def free_inodes():
    return os.statvfs(directory).f_ffree


def fallocate(file, mode, off, length):
    if libc.fallocate(file, mode, ctypes.c_long(off), ctypes.c_long(length)):
        raise OSError(ctypes.get_errno(), "fallocate")


def linkat(file, path):
    """Gives an open file a name."""
    if libc.linkat(AT_FDCWD, b"/proc/self/fd/%d" % file, AT_FDCWD, path, AT_SYMLINK_FOLLOW):
        raise OSError(ctypes.get_errno(), "linkat")


def create(name, flags=0):
    return os.open(directory + b"/" + name, os.O_RDWR | os.O_CREAT | flags, 0o644)


def eventually(condition):
    until = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < until, "did not come"
        time.sleep(0.005)


def when_possible(call, *args):
    """Calls until it is not ENOSPC any more; what it returns."""
    returned = []

    def tried():
        try:
            returned.append(call(*args))
            return True
        except OSError as error:
            assert error.errno == errno.ENOSPC, error
            return False

    eventually(tried)
    return returned[0]


def fill(leave):
    """Takes all blocks but `leave`."""
    ballast = create(b"ballast")
    fallocate(ballast, 0, 0, (free_blocks() - leave) * BLOCK)
    assert free_blocks() == leave
    return ballast


def size_and_blocks(file):
    status = os.fstat(file)
    return status.st_size, status.st_blocks


def listing():
    status = os.stat(directory)
    return sorted(os.listdir(directory)), status.st_nlink, status.st_mtime_ns


all_free = free_blocks()
