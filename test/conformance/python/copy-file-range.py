"""Copy_file_range copies, also within a file."""
import os

from check import directory

source = os.open(directory + b"/a", os.O_RDWR | os.O_CREAT)
target = os.open(directory + b"/b", os.O_RDWR | os.O_CREAT)
data = bytes(byte % 251 for byte in range(3 << 20))
os.write(source, data)
copied = 0
while copied < len(data):
    copied += os.copy_file_range(source, target, len(data) - copied, copied, copied)
assert os.pread(target, len(data) + 1, 0) == data
assert os.copy_file_range(source, source, 4096, 0, 4 << 20) == 4096
assert os.fstat(source).st_size == (4 << 20) + 4096
assert os.copy_file_range(source, target, 10, 100 << 20) == 0
