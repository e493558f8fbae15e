"""Telldir and seekdir come back to the same entry."""
import ctypes
import os

from check import directory

libc = ctypes.CDLL(None)
libc.opendir.restype = ctypes.c_void_p
libc.readdir.restype = ctypes.c_void_p
libc.readdir.argtypes = libc.telldir.argtypes = [ctypes.c_void_p]
libc.seekdir.argtypes = [ctypes.c_void_p, ctypes.c_long]
libc.telldir.restype = ctypes.c_long
D_NAME = 19  # offset in struct dirent


def name_of(entry):
    return ctypes.string_at(entry + D_NAME)


for number in range(500):
    open(directory + b"/n%d" % number, "w")
stream = libc.opendir(directory)
for number in range(200):
    libc.readdir(stream)
at = libc.telldir(stream)
want = name_of(libc.readdir(stream))
while libc.readdir(stream):
    pass
os.unlink(directory + b"/" + [name for name in os.listdir(directory) if name != want][0])
libc.seekdir(stream, at)
assert name_of(libc.readdir(stream)) == want
