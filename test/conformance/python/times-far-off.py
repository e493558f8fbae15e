"""Times before 1970 and after 2106, in nanoseconds."""
import os

from check import directory

path = directory + b"/f"
open(path, "w").write("x")
for atime, mtime in ((-1_500_000_001, -86400 * 10**9 - 1), (123456789, 4302444800 * 10**9 + 7)):
    os.utime(path, ns=(atime, mtime))
    status = os.stat(path)
    assert (status.st_atime_ns, status.st_mtime_ns) == (atime, mtime), (status.st_atime_ns, status.st_mtime_ns)
