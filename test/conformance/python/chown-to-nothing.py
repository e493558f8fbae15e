"""Chown to -1, -1 sets nothing and moves the ctime."""
import os
import time

from check import directory


open(directory + b"/f", "w")
os.mkdir(directory + b"/d")
os.symlink("f", directory + b"/l")
for n in (b"/f", b"/d", b"/l"):
    a = os.lstat(directory + n)
    time.sleep(0.02)
    os.lchown(directory + n, -1, -1)
    b = os.lstat(directory + n)
    assert b.st_ctime_ns > a.st_ctime_ns and (b.st_uid, b.st_gid, b.st_mode, b.st_mtime_ns) == (
        a.st_uid,
        a.st_gid,
        a.st_mode,
        a.st_mtime_ns,
    )
