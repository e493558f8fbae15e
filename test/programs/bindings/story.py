# usage: story.py FILE, with leasefs.py in PYTHONPATH
import errno, os, sys

import leasefs


def refusal(call, *args):
    try:
        call(*args)
    except OSError as error:
        return error
    raise AssertionError("it was not refused")


def name(error):
    return errno.errorcode[error.errno]


fd = os.open(sys.argv[1], os.O_RDWR)
error = refusal(leasefs.pin, fd, 0, 4096)
assert isinstance(error, PermissionError) and (error.rule, error.holder) == ("N1", None)
assert error.remedy and str(error).startswith("[Errno 1] Operation not permitted [N1]: " + error.remedy), str(error)
error = refusal(leasefs.get_lease, 0)
assert name(error) in ("ENOTTY", "EINVAL", "EPERM"), error
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
error = refusal(leasefs.set_lease, fd, leasefs.UNLCK)
assert (name(error), error.rule, error.holder["pin"], error.holder["pid"]) == ("EBUSY", "L5", ids[0], os.getpid())
assert "[L5]: pin %d [0, 8192) of %d (" % (ids[0], os.getpid()) in str(error), str(error)
error = refusal(os.truncate, fd, 0)
found = leasefs.refusal(fd)
assert (error.errno, found["rule"], found["errno"]) == (errno.EDEADLK, "X1", "EDEADLK"), found
assert "rule" not in vars(error)
other = os.open(sys.argv[1], os.O_RDWR)
error = refusal(leasefs.set_lease, other, leasefs.EXCLUSIVE)
assert (name(error), error.rule, error.holder["pid"]) == ("EAGAIN", "L3", os.getpid()), error
os.close(other)
error = refusal(leasefs.set_lease, fd, 12345)
assert (name(error), error.rule, error.holder, error.remedy) == ("EINVAL", None, None, None)
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
