"""umem.py FILE LENGTH SHARED: maps the file and gives an AF_XDP socket the mapping (SHARED 1) or memory of its own (0).

Prints 'ready'. A line 'truncate' of its input prints the errno name of that, 'socket' closes the socket."""

import ctypes
import errno
import mmap
import os
import socket
import struct
import sys

AF_XDP, SOL_XDP, XDP_UMEM_REG = 44, 283, 4
path, length, of_file = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "1"
fd = os.open(path, os.O_RDWR)
mapping = mmap.mmap(fd, length, mmap.MAP_SHARED if of_file else mmap.MAP_PRIVATE)
address = ctypes.addressof(ctypes.c_char.from_buffer(mapping))
xdp = socket.socket(AF_XDP, socket.SOCK_RAW, 0)
xdp.setsockopt(SOL_XDP, XDP_UMEM_REG, struct.pack("=QQIIII", address, length, 4096, 0, 0, 0)[:24])
print("ready", xdp.fileno(), flush=True)
for line in sys.stdin:
    if line == "truncate\n":
        try:
            os.ftruncate(fd, 0)
            print("ok", flush=True)
        except OSError as error:
            print("EDEADLK" if error.errno == errno.EDEADLK else errno.errorcode[error.errno], flush=True)
    elif line == "socket\n":
        xdp.close()
        print("closed", flush=True)
