"""What is made below a default ACL gets it in place of the umask."""
import errno
import os
import stat

from check import fails
from acl import ACCESS, DEFAULT, USER_OBJ, USER, GROUP_OBJ, MASK, OTHER, acl, perms, mode, touch


touch("f")
fails(errno.EACCES, os.setxattr, "f", DEFAULT, acl((USER_OBJ, 7), (GROUP_OBJ, 5), (OTHER, 0)))
os.mkdir("top", 0o700)
os.setxattr("top", DEFAULT, acl((USER_OBJ, 7), (USER, 7, 1234), (GROUP_OBJ, 5), (MASK, 7), (OTHER, 1)))
assert mode("top") == 0o700
os.umask(0o777)
os.chdir("top")
touch("f", 0o664)
os.mkdir("m", 0o750)
os.mkfifo("p", 0o600)
os.symlink("f", "l")
t = os.open(".", os.O_TMPFILE | os.O_RDWR, 0o606)
assert mode("f") == 0o660 and perms("f") == [
    (USER_OBJ, 6),
    (USER, 7),
    (GROUP_OBJ, 5),
    (MASK, 6),
    (OTHER, 0),
], (oct(mode("f")), perms("f"))
assert (
    mode("m") == 0o750
    and perms("m") == [(USER_OBJ, 7), (USER, 7), (GROUP_OBJ, 5), (MASK, 5), (OTHER, 0)]
    and os.getxattr("m", DEFAULT) == os.getxattr(".", DEFAULT)
)
assert mode("p") == 0o600 and stat.S_IMODE(os.fstat(t).st_mode) == 0o600 and perms(t)[4] == (OTHER, 0)
assert mode("l") == 0o777
fails(errno.ENODATA, os.getxattr, "f", DEFAULT)
touch("m/deep", 0o777)
assert mode("m/deep") == 0o771 and perms("m/deep")[3] == (MASK, 7)
os.setxattr(".", DEFAULT, acl((USER_OBJ, 7), (GROUP_OBJ, 1), (OTHER, 0)))
touch("alone", 0o666)
assert mode("alone") == 0o600
fails(errno.ENODATA, os.getxattr, "alone", ACCESS)
os.removexattr(".", DEFAULT)
touch("masked", 0o666)
assert mode("masked") == 0
