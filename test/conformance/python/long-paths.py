"""Long paths, dot and dot-dot, empty names, trailing slashes."""
import errno
import os

from check import directory, fails


os.chdir(directory)
deep = b""
for i in range(15):
    deep += b"n" * 250 + b"/"
    os.mkdir(deep)
assert len(deep) < 4096
os.stat(deep)
fails(errno.ENAMETOOLONG, os.stat, deep + b"m" * 400)
os.close(os.open(b"f", os.O_CREAT))
assert os.stat(b"./nothing/../f" if False else b"./f").st_ino == os.stat(b"f").st_ino
fails(errno.ENOENT, os.stat, b"")
fails(errno.ENOTDIR, os.stat, b"f/")
fails(errno.ENOTDIR, os.stat, b"f/..")
fails(errno.EINVAL, os.rmdir, b".")
os.mkdir(b"q")
fails(errno.ENOTEMPTY, os.rmdir, b"q/..")
fails(errno.EEXIST, os.mkdir, b"q/")
fails(errno.EISDIR, os.open, b"new/", os.O_CREAT | os.O_WRONLY)
assert os.stat(b"q/..").st_ino == os.stat(b".").st_ino
os.symlink(b"loop", b"loop")
fails(errno.ELOOP, os.stat, b"loop")
fails(errno.ENAMETOOLONG, os.symlink, b"x" * 4096, b"long")
os.symlink(b"x" * 4095, b"long")
assert len(os.readlink(b"long")) == 4095
