"""A mapping past the end is SIGBUS, the rest of the last page is zero, and both change with the size."""
import ctypes
import mmap
import os
import signal

from check import directory


f = os.open(directory + b"/f", os.O_RDWR | os.O_CREAT)
os.ftruncate(f, 5000)
m = mmap.mmap(f, 5000)
base = ctypes.addressof(ctypes.c_char.from_buffer(m))


def dies(at):
    pid = os.fork()
    if pid == 0:
        ctypes.string_at(at, 1)
        os._exit(0)
    return os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGBUS


assert ctypes.string_at(base + 5000, 100) == b"\0" * 100
os.ftruncate(f, 4096)
assert dies(base + 4096)
assert not dies(base + 4095)
os.ftruncate(f, 5000)
assert not dies(base + 4999)
os.pwrite(f, b"x" * 5000, 0)
os.ftruncate(f, 4100)
os.ftruncate(f, 5000)
assert ctypes.string_at(base + 4100, 900) == b"\0" * 900
