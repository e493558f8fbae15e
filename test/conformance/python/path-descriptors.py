"""O_PATH names a file and opens nothing; openat, fchdir and /proc/self/fd go through it."""
import errno
import os

from check import directory, fails


p = directory + b"/f"
open(p, "w").write("text")
f = os.open(p, os.O_PATH)
fails(errno.EBADF, os.read, f, 1)
fails(errno.EBADF, os.fchmod, f, 0)
assert os.fstat(f).st_size == 4
assert open("/proc/self/fd/%d" % f).read() == "text"
q = os.open(directory, os.O_PATH | os.O_DIRECTORY)
g = os.open(b"f", os.O_RDONLY, dir_fd=q)
assert os.read(g, 9) == b"text"
os.rename(p, directory + b"/g")
assert open("/proc/self/fd/%d" % f).read() == "text"
