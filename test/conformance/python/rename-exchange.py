"""Rename with NOREPLACE and EXCHANGE."""
import ctypes
import errno
import os

from check import directory, fails

libc = ctypes.CDLL(None, use_errno=True)


def rename(old, new, flags):
    if libc.renameat2(-100, directory + b"/" + old, -100, directory + b"/" + new, flags):
        raise OSError(ctypes.get_errno(), "renameat2")


open(directory + b"/a", "w").write("a")
open(directory + b"/b", "w").write("b")
os.mkdir(directory + b"/d")
fails(errno.EEXIST, rename, b"a", b"b", 1)
rename(b"a", b"c", 1)
rename(b"c", b"b", 2)
assert open(directory + b"/c").read() == "b"
assert open(directory + b"/b").read() == "a"
rename(b"d", b"b", 2)
assert os.path.isdir(directory + b"/b")
assert os.path.isfile(directory + b"/d")
fails(errno.ENOENT, rename, b"d", b"none", 2)
