"""Times: each alone by OMIT, both by NOW, of a symbolic link itself."""
import ctypes
import os

from check import directory

path = directory + b"/f"
open(path, "w").write("x")
os.symlink("f", directory + b"/l")
libc = ctypes.CDLL(None, use_errno=True)
NOW, OMIT = (1 << 30) - 1, (1 << 30) - 2
AT_FDCWD, AT_SYMLINK_NOFOLLOW = -100, 0x100


def set_times(path, atime, atime_nsec, mtime, mtime_nsec, flags=0):
    timespecs = (ctypes.c_long * 4)(atime, atime_nsec, mtime, mtime_nsec)
    assert libc.utimensat(AT_FDCWD, path, timespecs, flags) == 0


def times(path):
    status = os.lstat(path)
    return (status.st_atime_ns // 10**9, status.st_mtime_ns // 10**9)


set_times(path, 1000, 0, 2000, 0)
assert times(path) == (1000, 2000), times(path)
set_times(path, 0, OMIT, 5, 6)
assert os.stat(path).st_mtime_ns == 5 * 10**9 + 6
assert times(path)[0] == 1000
set_times(path, 7, 0, 0, OMIT)
assert times(path) == (7, 5)
set_times(directory + b"/l", 8, 0, 9, 0, AT_SYMLINK_NOFOLLOW)
assert times(directory + b"/l") == (8, 9)
assert times(path) == (7, 5)
set_times(path, 0, NOW, 0, NOW)
assert min(times(path)) > 1_000_000_000
