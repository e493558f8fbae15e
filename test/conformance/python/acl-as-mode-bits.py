"""An access ACL that says no more than mode bits is kept in them alone."""
import errno
import os

from check import fails
from acl import ACCESS, USER_OBJ, USER, GROUP_OBJ, MASK, OTHER, acl, mode, touch


touch("f")
os.chmod("f", 0o4711)
os.setxattr("f", ACCESS, acl((USER_OBJ, 6), (USER, 7, 5), (GROUP_OBJ, 5), (MASK, 7), (OTHER, 4)))
assert mode("f") == 0o4674
os.setxattr("f", ACCESS, acl((USER_OBJ, 6), (GROUP_OBJ, 4), (OTHER, 0)))
assert mode("f") == 0o4640
fails(errno.ENODATA, os.getxattr, "f", ACCESS)
c = os.stat("f").st_ctime_ns
os.setxattr("f", ACCESS, acl((USER_OBJ, 6), (GROUP_OBJ, 4), (OTHER, 0)))
assert os.stat("f").st_ctime_ns >= c
for bad in (
    acl((USER_OBJ, 6), (GROUP_OBJ, 4)),
    acl((USER_OBJ, 6), (USER, 7, 5), (GROUP_OBJ, 5), (OTHER, 4)),
    acl((USER_OBJ, 6), (GROUP_OBJ, 9), (OTHER, 0)),
    b"\1\0\0\0",
):
    fails(errno.EOPNOTSUPP if bad[0] == 1 else errno.EINVAL, os.setxattr, "f", ACCESS, bad)
assert mode("f") == 0o4640
