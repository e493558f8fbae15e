"""A file system without extended attributes: EOPNOTSUPP to each call, and files work."""
import errno
import os

from check import directory, fails

path = os.path.join(directory, b"file")
with open(path, "w") as file:
    file.write("text")
for _ in range(2):
    for name in ("user.a", "trusted.a"):
        fails(errno.EOPNOTSUPP, os.setxattr, path, name, b"v")
        fails(errno.EOPNOTSUPP, os.removexattr, path, name)
    for name in ("user.a", "trusted.a", "security.capability"):
        fails(errno.EOPNOTSUPP, os.getxattr, path, name)
    fails(errno.EOPNOTSUPP, os.listxattr, path)
