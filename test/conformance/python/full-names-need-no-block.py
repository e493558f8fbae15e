"""Names need no block: files, directories, links, renames and attributes are had on a full one."""
import os

from check import directory
from space import create, fill, free_blocks, linkat

file = create(b"f")
ballast = fill(0)
top = directory + b"/"
os.mkdir(top + b"q")
os.symlink("f", top + b"s")
os.link(top + b"f", top + b"l")
os.mkfifo(top + b"p")
os.close(create(b"g"))
os.rename(top + b"g", top + b"q/g")
os.rename(top + b"q/g", top + b"l")
os.chmod(top + b"f", 0o600)
os.utime(top + b"f", (1, 1))
os.setxattr(top + b"f", "user.a", b"1")
nameless = os.open(directory, os.O_TMPFILE | os.O_RDWR)
linkat(nameless, top + b"t")
assert sorted(os.listdir(directory)) == [b"ballast", b"f", b"l", b"p", b"q", b"s", b"t"]
assert os.listdir(top + b"q") == []
assert free_blocks() == 0
