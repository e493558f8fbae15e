"""Chown: what only the owner may, and the bits that it clears."""
import errno
import os
import stat

from check import directory, fails


if os.getuid() == 0:
    p = directory + b"/f"
    os.close(os.open(p, os.O_CREAT | os.O_RDWR, 0o755))
    os.chown(p, 1000, 1000)
    os.chmod(p, 0o6755)
    os.chmod(directory, 0o777)
    pid = os.fork()
    if pid == 0:
        os.setgroups([777])
        os.setgid(1000)
        os.setuid(1000)
        os.chown(p, -1, 777)
        fails(errno.EPERM, os.chown, p, -1, 888)
        fails(errno.EPERM, os.chown, p, 0, -1)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    s = os.stat(p)
    assert s.st_gid == 777 and stat.S_IMODE(s.st_mode) == 0o755, oct(s.st_mode)
    pid = os.fork()
    if pid == 0:
        os.setgroups([])
        os.setgid(2000)
        os.setuid(2000)
        fails(errno.EPERM, os.chmod, p, 0o777)
        fails(errno.EPERM, os.utime, p, (1, 1))
        fails(errno.EACCES, os.utime, p)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
