"""Fallocate, holes and SEEK_DATA."""
import ctypes
import errno
import os

from check import directory, fails

libc = ctypes.CDLL(None, use_errno=True)


def fallocate(file, mode, off, length):
    if libc.fallocate(file, mode, ctypes.c_long(off), ctypes.c_long(length)):
        raise OSError(ctypes.get_errno(), "fallocate")


file = os.open(directory + b"/f", os.O_RDWR | os.O_CREAT)
os.pwrite(file, b"x" * 16384, 0)
os.ftruncate(file, 65536)
fallocate(file, 3, 4096, 4096)
assert os.pread(file, 4096, 4096) == bytes(4096)
assert os.fstat(file).st_blocks == 24
assert os.lseek(file, 0, os.SEEK_HOLE) == 4096
assert os.lseek(file, 4096, os.SEEK_DATA) == 8192
assert os.lseek(file, 16384, os.SEEK_HOLE) == 16384
fails(errno.ENXIO, os.lseek, file, 16384, os.SEEK_DATA)
fails(errno.ENXIO, os.lseek, file, 65536, os.SEEK_HOLE)
fallocate(file, 1, 65536, 8192)
assert os.fstat(file).st_size == 65536
fallocate(file, 0, 65536, 8192)
assert os.fstat(file).st_size == 73728
assert os.fstat(file).st_blocks == 40
fails(errno.EINVAL, fallocate, file, 0, 0, 0)
fails(errno.EOPNOTSUPP, fallocate, file, 2, 0, 4096)
