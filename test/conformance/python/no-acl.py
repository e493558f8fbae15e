"""A file system without ACLs: EOPNOTSUPP for both of their attributes, others are kept."""
import errno
import os

from acl import ACCESS, DEFAULT, GROUP_OBJ, MASK, OTHER, USER, USER_OBJ, acl
from check import directory, fails

value = acl((USER_OBJ, 6), (USER, 4, 1234), (GROUP_OBJ, 4), (MASK, 4), (OTHER, 0))
for name in (ACCESS, DEFAULT):
    fails(errno.EOPNOTSUPP, os.setxattr, directory, name, value)
    fails(errno.EOPNOTSUPP, os.getxattr, directory, name)
os.setxattr(directory, "user.a", b"v")
assert os.listxattr(directory) == ["user.a"]
