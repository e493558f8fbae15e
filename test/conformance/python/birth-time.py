"""Birth time stays, and comes by statx."""
import subprocess
import os
import time

from check import directory


p = directory + b"/f"
a = time.time()
os.close(os.open(p, os.O_CREAT))
made = time.time()
time.sleep(0.05)
os.utime(p, (5, 5))
open(p, "w").write("x")
os.chmod(p, 0o600)
b = subprocess.run(["stat", "-c", "%.W", p], capture_output=True, text=True).stdout.strip()
assert a - 0.1 <= float(b) <= made, (a, b, made)
