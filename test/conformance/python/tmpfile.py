"""O_TMPFILE has no name until it is linked."""
import ctypes
import os

from check import directory

file = os.open(directory, os.O_TMPFILE | os.O_RDWR, 0o644)
os.write(file, b"tmp")
assert os.listdir(directory) == []
assert os.fstat(file).st_nlink == 0
libc = ctypes.CDLL(None)
assert libc.linkat(-100, b"/proc/self/fd/%d" % file, -100, directory + b"/named", 0x400) == 0
assert open(directory + b"/named").read() == "tmp"
assert os.fstat(file).st_nlink == 1
