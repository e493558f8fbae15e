"""RLIMIT_FSIZE: a short write, then SIGXFSZ and EFBIG; truncate too."""
import resource
import errno
import os
import signal

from check import directory, fails


signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
f = os.open(directory + b"/f", os.O_RDWR | os.O_CREAT)
resource.setrlimit(resource.RLIMIT_FSIZE, (10000, 10000))
assert os.pwrite(f, b"x" * 8000, 4096) == 10000 - 4096
fails(errno.EFBIG, os.pwrite, f, b"x", 10000)
fails(errno.EFBIG, os.ftruncate, f, 10001)
assert os.fstat(f).st_size == 10000
