"""Umask, and the group and setgid bit of a setgid directory."""
import os
import stat

from check import directory


os.umask(0o027)
os.close(os.open(directory + b"/f", os.O_CREAT | os.O_WRONLY, 0o666))
assert stat.S_IMODE(os.stat(directory + b"/f").st_mode) == 0o640
os.mkdir(directory + b"/m", 0o777)
assert stat.S_IMODE(os.stat(directory + b"/m").st_mode) == 0o750
os.mkfifo(directory + b"/p", 0o666)
assert stat.S_IMODE(os.stat(directory + b"/p").st_mode) == 0o640
if os.getuid() == 0:
    os.chown(directory + b"/m", 0, 777)
    os.chmod(directory + b"/m", 0o2777)
    os.close(os.open(directory + b"/m/f", os.O_CREAT | os.O_WRONLY))
    os.mkdir(directory + b"/m/d")
    assert (
        os.stat(directory + b"/m/f").st_gid == 777
        and os.stat(directory + b"/m/d").st_gid == 777
        and os.stat(directory + b"/m/d").st_mode & 0o2000
    )
