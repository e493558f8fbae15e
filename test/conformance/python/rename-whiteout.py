"""Rename with WHITEOUT leaves a device 0:0 at the old name."""
import ctypes
import errno
import os
import stat

from check import directory, fails

libc = ctypes.CDLL(None, use_errno=True)
os.chdir(directory)


def rename(old, new, flags):
    if libc.renameat2(-100, old, -100, new, flags):
        raise OSError(ctypes.get_errno(), "renameat2")


os.mkdir("to")
open("a", "w").write("a")
open("b", "w").write("b")
os.mkdir("dir")
rename(b"a", b"to/a", 4)
rename(b"b", b"to/a", 4)
rename(b"dir", b"to/dir", 4 | 1)
for name in ("a", "b", "dir"):
    status = os.lstat(name)
    assert (status.st_mode, status.st_rdev, status.st_nlink) == (stat.S_IFCHR, 0, 1), (name, status)
assert open("to/a").read() == "b"
assert os.stat("to").st_nlink == 3
assert os.stat(".").st_nlink == 3
assert sorted(os.listdir(".")) == ["a", "b", "dir", "to"]
fails(errno.EINVAL, rename, b"to/a", b"a", 4 | 2)
fails(errno.EEXIST, rename, b"to/a", b"a", 4 | 1)
rename(b"to/a", b"a", 4)
assert open("a").read() == "b"
assert stat.S_ISCHR(os.lstat("to/a").st_mode)
