"""A sticky directory: only the owners remove and rename."""
import errno
import os

from check import directory, fails


if os.getuid() == 0:
    os.chmod(directory, 0o1777)
    p = directory + b"/f"
    os.close(os.open(p, os.O_CREAT | os.O_RDWR, 0o666))
    os.chown(p, 1000, 1000)

    def as_user(uid, act):
        pid = os.fork()
        if pid == 0:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            act()
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0

    def refused():
        fails(errno.EPERM, os.unlink, p)
        fails(errno.EPERM, os.rename, p, directory + b"/g")
        os.close(os.open(directory + b"/mine", os.O_CREAT | os.O_RDWR))
        fails(errno.EPERM, os.rename, directory + b"/mine", p)

    as_user(2000, refused)
    as_user(1000, lambda: os.unlink(p))
