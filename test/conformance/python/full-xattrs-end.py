"""Extended attributes end at ENOSPC; what was set stays, and removing one makes room for another."""
import errno
import os

from check import directory, fails
from space import create, when_possible

path = directory + b"/f"
file = create(b"f")
count = 0
value = b"v" * 30000
try:
    while count < 1000:
        os.setxattr(file, "user.%d" % count, value)
        count += 1
except OSError as error:
    assert error.errno == errno.ENOSPC, error
assert 0 < count < 1000
assert len(os.listxattr(file)) == count
fails(errno.ENOSPC, os.setxattr, file, "user.0", value + value)
assert os.getxattr(file, "user.0") == value
os.setxattr(file, "user.0", b"small")
os.setxattr(file, "user.0", value)
os.removexattr(file, "user.0")
os.setxattr(file, "user.more", value)
fails(errno.ENOSPC, os.setxattr, file, "user.yet", value)
other = create(b"g")
os.unlink(path)
os.close(file)
when_possible(os.setxattr, other, "user.a", value)
