"""An ACL set by a process outside the group clears the setgid bit."""
import os

from acl import ACCESS, USER_OBJ, USER, GROUP_OBJ, MASK, OTHER, acl, mode, touch, user


if os.getuid() == 0:
    new = acl((USER_OBJ, 7), (USER, 7, 5), (GROUP_OBJ, 7), (MASK, 7), (OTHER, 5))
    for n, gid, groups, kept in ((b"out", 77, [], 0), (b"in", 77, [77], 0o2000), (b"own", 1000, [], 0o2000)):
        touch(n)
        os.chown(n, 1000, gid)
        os.chmod(n, 0o2775)
        user(1000, groups, lambda: os.setxattr(n, ACCESS, new))
        assert mode(n) == 0o775 | kept, (n, oct(mode(n)))
    touch("root")
    os.chown("root", 1000, 77)
    os.chmod("root", 0o2775)
    os.setxattr("root", ACCESS, new)
    assert mode("root") == 0o2775
