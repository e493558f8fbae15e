# usage: story.py FILE, with leasefs.py in PYTHONPATH
import errno, os, sys

import leasefs


def refusal(call, *args):
    try:
        call(*args)
    except OSError as error:
        return errno.errorcode[error.errno]
    return "ok"


fd = os.open(sys.argv[1], os.O_RDWR)
assert refusal(leasefs.pin, fd, 0, 4096) == "EPERM"
leasefs.set_lease(fd, leasefs.EXCLUSIVE)
assert leasefs.get_lease(fd).kind == leasefs.EXCLUSIVE
ids = [leasefs.pin(fd, 0, 8192), leasefs.pin(fd, 8192, 1, by_description=True)]
assert [(pin.id, pin.off, pin.len, pin.pid, pin.by_description) for pin in leasefs.pins(fd)] == [
    (ids[0], 0, 8192, os.getpid(), False),
    (ids[1], 8192, 4096, os.getpid(), True),
]
assert len(leasefs.report(fd, "pins")["pins"]) == 2
print("pinned", flush=True)
sys.stdin.readline()
assert refusal(leasefs.set_lease, fd, leasefs.UNLCK) == "EBUSY"
leasefs.unpin(fd, ids[0])
assert leasefs.unpin(fd) == 1
leasefs.set_lease(fd, leasefs.SHARED_BREAKABLE)
with leasefs.Watch(fd) as watch:
    assert watch.first == (leasefs.SHARED_BREAKABLE, 0)
    print("watching", flush=True)
    kind, break_ms = watch.wait()
    assert kind == leasefs.UNLCK and break_ms > 0
    leasefs.set_lease(fd, kind)
    assert watch.wait() == (leasefs.UNLCK, 0)
print("answered", flush=True)
