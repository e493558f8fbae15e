# usage: watch.py FILE, with leasefs.py in PYTHONPATH
import os, sys

import leasefs

fd = os.open(sys.argv[1], os.O_RDWR)
leasefs.set_lease(fd, leasefs.SHARED_BREAKABLE)
print("leased", flush=True)
sys.stdin.readline()
with leasefs.Watch(fd) as watch:
    print("watching", flush=True)
    kind, break_ms = watch.wait()
    assert kind == leasefs.UNLCK and break_ms > 0
    print("hears", flush=True)
    sys.stdin.readline()
    leasefs.set_lease(fd, kind)
    while break_ms > 0:
        kind, break_ms = watch.wait()
    assert kind == leasefs.UNLCK
print("answered", flush=True)
