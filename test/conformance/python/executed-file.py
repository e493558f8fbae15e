"""A file can be executed, and is busy for writers while it runs."""
import shutil
import subprocess
import errno
import os

from check import directory, fails


p = directory + b"/sleep"
shutil.copy(b"/bin/sleep", p)
c = subprocess.Popen([p, "30"])
fails(errno.ETXTBSY, os.open, p, os.O_WRONLY)
c.kill()
c.wait()
os.close(os.open(p, os.O_WRONLY))
os.chmod(p, 0o644)
fails(errno.EACCES, subprocess.run, [p, "0"])
