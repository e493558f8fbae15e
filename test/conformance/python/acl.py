"""POSIX ACLs as the xattrs that hold them. Importing it enters the directory."""
import errno
import os
import stat
import struct

from check import directory, fails


ACCESS, DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
USER_OBJ, USER, GROUP_OBJ, GROUP, MASK, OTHER = 1, 2, 4, 8, 16, 32


def acl(*entries):
    return struct.pack("=I", 2) + b"".join(
        struct.pack("=HHI", t, p, i) for t, p, i in (e if len(e) == 3 else (*e, 0xFFFFFFFF) for e in entries)
    )


def perms(path, name=ACCESS):
    v = os.getxattr(path, name)
    return [(t, p) for t, p, i in struct.iter_unpack("=HHI", v[4:])]


def mode(path):
    return stat.S_IMODE(os.lstat(path).st_mode)


def touch(path, m=0o666):
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, m))


def user(uid, groups, act):
    pid = os.fork()
    if pid == 0:
        os.setgroups(groups)
        os.setgid(uid)
        os.setuid(uid)
        act()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0


def reads(path):
    return lambda: os.close(os.open(path, os.O_RDONLY))


def refused(path):
    return lambda: fails(errno.EACCES, os.open, path, os.O_RDONLY)


os.chdir(directory)
os.chmod(".", 0o777)
os.umask(0o022)
