"""A million files in one directory: each is listed once, found, and removed."""
import errno
import os
import stat

from check import directory, fails

files = 1_000_000
listed_directory = os.open(directory, os.O_RDONLY)
for number in range(files):
    os.close(os.open(b"%d" % number, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644, dir_fd=listed_directory))
seen = bytearray(files)
count = 0
with os.scandir(directory) as entries:
    for entry in entries:
        number = int(entry.name)
        assert not seen[number]
        seen[number] = 1
        count += 1
assert count == files
for number in range(0, files, 97):
    assert stat.S_ISREG(os.stat(b"%d" % number, dir_fd=listed_directory).st_mode)
fails(errno.ENOENT, os.stat, b"%d" % files, dir_fd=listed_directory)
for number in range(files):
    os.unlink(b"%d" % number, dir_fd=listed_directory)
assert os.listdir(directory) == []
