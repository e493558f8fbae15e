"""Many links of one file, and names with every byte."""
import errno
import os

from check import directory, fails


p = directory + b"/f"
os.close(os.open(p, os.O_CREAT))
for i in range(1000):
    os.link(p, directory + b"/l%d" % i)
assert os.stat(p).st_nlink == 1001
for b in range(1, 256):
    if b == 0x2F:
        continue
    n = bytes([b]) + b"_"
    os.close(os.open(directory + b"/" + n, os.O_CREAT))
assert {bytes([b]) + b"_" for b in range(1, 256) if b != 0x2F} <= set(os.listdir(directory))
fails(errno.EPERM, os.link, directory, directory + b"/dirlink")
