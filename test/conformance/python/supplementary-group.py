"""A supplementary group opens what its mode lets it."""
import os

from check import directory


if os.getuid() == 0:
    p = directory + b"/f"
    os.close(os.open(p, os.O_CREAT | os.O_RDWR))
    os.chown(p, 5, 777)
    os.chmod(p, 0o060)
    os.chmod(directory, 0o755)

    def as_user(groups):
        pid = os.fork()
        if pid == 0:
            os.setgroups(groups)
            os.setgid(1000)
            os.setuid(1000)
            try:
                os.open(p, os.O_RDWR)
                os._exit(0)
            except PermissionError:
                os._exit(13)
        return os.WEXITSTATUS(os.waitpid(pid, 0)[1])

    assert as_user([777]) == 0 and as_user([]) == 13
