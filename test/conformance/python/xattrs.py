"""Xattrs: create, replace, list, remove, too small, none."""
import ctypes
import errno
import os

from check import directory, fails

path = directory + b"/f"
open(path, "w")
for name in ("user.", "trusted.", "security."):
    fails(errno.EINVAL, os.setxattr, path, name, b"1")
    fails(errno.EINVAL, os.getxattr, path, name)
    fails(errno.EINVAL, os.removexattr, path, name)
os.setxattr(path, "user.a", b"1", os.XATTR_CREATE)
fails(errno.EEXIST, os.setxattr, path, "user.a", b"2", os.XATTR_CREATE)
fails(errno.ENODATA, os.setxattr, path, "user.b", b"2", os.XATTR_REPLACE)
os.setxattr(path, "user.a", b"22", os.XATTR_REPLACE)
assert os.getxattr(path, "user.a") == b"22"
os.setxattr(path, b"user.\xff", b"")
assert set(map(os.fsencode, os.listxattr(path))) == {b"user.a", b"user.\xff"}
libc = ctypes.CDLL(None, use_errno=True)
room = ctypes.create_string_buffer(1)
assert libc.getxattr(path, b"user.a", room, 1) == -1
assert ctypes.get_errno() == errno.ERANGE
assert libc.getxattr(path, b"user.a", None, 0) == 2
os.removexattr(path, "user.a")
fails(errno.ENODATA, os.getxattr, path, "user.a")
fails(errno.ENODATA, os.removexattr, path, "user.a")
fails(errno.E2BIG, os.setxattr, path, "user.big", b"x" * 65537)
os.setxattr(path, "user.big", b"x" * 65536)
assert len(os.getxattr(path, "user.big")) == 65536
fails(errno.EOPNOTSUPP, os.setxattr, path, "nonsense.a", b"1")
if os.getuid() == 0:
    os.setxattr(path, "trusted.t", b"1")
    assert os.getxattr(path, "trusted.t") == b"1"
