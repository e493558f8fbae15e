"""Fallocate and copy_file_range by others than root take setuid and setgid."""
import ctypes
import os
import stat

from check import directory


if os.getuid() == 0:
    os.chmod(directory, 0o777)
    libc = ctypes.CDLL(None, use_errno=True)

    def fa(f, mode):
        assert libc.fallocate(f, mode, ctypes.c_long(4096), ctypes.c_long(4096)) == 0, ctypes.get_errno()

    acts = [
        lambda f: fa(f, 0),
        lambda f: fa(f, 1),
        lambda f: fa(f, 3),
        lambda f: os.copy_file_range(f, f, 4096, 0, 8192),
    ]

    def mode_after(uid, act):
        p = directory + b"/f"
        f = os.open(p, os.O_CREAT | os.O_TRUNC | os.O_RDWR)
        os.pwrite(f, b"x" * 16384, 0)
        os.fchmod(f, 0o6777)
        pid = os.fork()
        if pid == 0:
            os.setgroups([])
            os.setgid(uid)
            os.setuid(uid)
            act(os.open(p, os.O_RDWR))
            os._exit(0)
        assert os.waitpid(pid, 0)[1] == 0
        m = stat.S_IMODE(os.fstat(f).st_mode)
        os.close(f)
        return m

    for act in acts:
        assert mode_after(1000, act) == 0o777
    for act in acts[:3]:
        assert mode_after(0, act) == 0o6777
