"""A write, a chmod, a truncate and an unlink move the times that are theirs."""
import os
import time

from check import directory

path = directory + b"/f"
open(path, "w").write("x")
status = os.stat(path)
ctime = status.st_ctime_ns
time.sleep(0.02)
file = open(path, "r+b", buffering=0)
file.write(b"y")
status = os.stat(path)
assert status.st_mtime_ns > ctime and status.st_ctime_ns > ctime, "a write moves mtime and ctime"
mtime = status.st_mtime_ns
time.sleep(0.02)
os.chmod(path, 0o600)
status = os.stat(path)
assert status.st_mtime_ns == mtime
assert status.st_ctime_ns > mtime
time.sleep(0.02)
os.truncate(path, 0)
status = os.stat(path)
assert status.st_mtime_ns > mtime
mtime = os.stat(directory).st_mtime_ns
time.sleep(0.02)
os.unlink(path)
assert os.stat(directory).st_mtime_ns > mtime
