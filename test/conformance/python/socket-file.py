"""A bound Unix socket is a file."""
import os
import socket
import stat

from check import directory

# A path in sun_path has 107 bytes at most.
os.chdir(directory)
listener = socket.socket(socket.AF_UNIX)
listener.bind("s")
listener.listen()
assert stat.S_ISSOCK(os.stat("s").st_mode)
