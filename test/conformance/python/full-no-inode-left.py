"""No inode left: create, mkdir, symlink, mknod and O_TMPFILE are ENOSPC and leave the directory as it before."""
import errno
import os
import stat

from check import directory, fails
from space import create, free_inodes, linkat, listing, when_possible

top = directory + b"/"
os.mkdir(top + b"q")
file = create(b"f")
os.write(file, b"a")
nameless = os.open(directory, os.O_TMPFILE | os.O_RDWR)
for number in range(free_inodes()):
    os.close(create(b"%d" % number))
assert free_inodes() == 0
before = listing()
name = top + b"more"


def all_refused():
    fails(errno.ENOSPC, create, b"more")
    fails(errno.ENOSPC, create, b"more", os.O_EXCL)
    fails(errno.ENOSPC, os.mkdir, name)
    fails(errno.ENOSPC, os.symlink, "x", name)
    fails(errno.ENOSPC, os.mkfifo, name)
    fails(errno.ENOSPC, os.mknod, name, stat.S_IFREG | 0o600)
    fails(errno.ENOSPC, os.mknod, name, stat.S_IFSOCK | 0o600)
    fails(errno.ENOSPC, os.open, directory, os.O_TMPFILE | os.O_RDWR)
    fails(errno.ENOSPC, os.mkdir, top + b"q/more")


all_refused()
assert listing() == before
assert free_inodes() == 0
assert not os.path.lexists(name)
os.rename(top + b"0", top + b"zero")
os.rename(top + b"zero", top + b"q/0")
os.rename(top + b"q/0", top + b"0")
os.write(file, b"b")
linkat(nameless, top + b"linked")
all_refused()
os.rename(top + b"1", top + b"2")
os.close(when_possible(create, b"more"))
os.unlink(name)
when_possible(os.mkdir, name)
os.rmdir(name)
when_possible(os.symlink, "x", name)
os.unlink(name)
when_possible(os.mkfifo, name)
os.unlink(name)
when_possible(os.open, directory, os.O_TMPFILE | os.O_RDWR)
