"""An access ACL lets in whom it names, under its mask, which chmod sets."""
import errno
import os

from check import fails
from acl import (
    ACCESS,
    USER_OBJ,
    USER,
    GROUP_OBJ,
    GROUP,
    MASK,
    OTHER,
    acl,
    perms,
    mode,
    touch,
    user,
    reads,
    refused,
)


touch("f", 0o600)
os.setxattr(
    "f", ACCESS, acl((USER_OBJ, 6), (USER, 4, 1234), (GROUP_OBJ, 0), (GROUP, 4, 77), (MASK, 4), (OTHER, 0))
)
assert mode("f") == 0o640 and perms("f") == [
    (USER_OBJ, 6),
    (USER, 4),
    (GROUP_OBJ, 0),
    (GROUP, 4),
    (MASK, 4),
    (OTHER, 0),
], perms("f")
assert ACCESS in os.listxattr("f")
if os.getuid() == 0:
    user(1234, [], reads("f"))
    user(1235, [], refused("f"))
    user(1235, [77], reads("f"))
os.chmod("f", 0o614)
assert perms("f") == [(USER_OBJ, 6), (USER, 4), (GROUP_OBJ, 0), (GROUP, 4), (MASK, 1), (OTHER, 4)]
if os.getuid() == 0:
    user(1234, [], refused("f"))
    user(1235, [77], refused("f"))
    user(1235, [], reads("f"))
os.removexattr("f", ACCESS)
assert mode("f") == 0o614
fails(errno.ENODATA, os.getxattr, "f", ACCESS)
os.removexattr("f", ACCESS)
assert os.listxattr("f") == []
