# SPDX-License-Identifier: MIT
"""Layout leases and pins on files of a leasefs mount, for Python 3.8 and later, without dependencies.

    import leasefs, os

    fd = os.open("/mnt/leasefs/f", os.O_RDWR)
    leasefs.set_lease(fd, leasefs.EXCLUSIVE)
    pin = leasefs.pin(fd, 0, 2 << 20)  # truncate and punch there are refused from now on
    leasefs.unpin(fd, pin)

Each call is an ioctl of leasefs.h, which says what it does. It raises OSError with the errno of leasefs.h; the error has
`rule`, `holder` and `remedy`, None where no rule refused the call. `refusal(fd)` has them for other calls: os.truncate,
os.write. `leasefs explain N1` prints a rule. PYTHONPATH="$(leasefs include-dir)" makes Python find this file.

With `pytest_plugins = ["leasefs"]` in conftest.py, tests have a fixture `leasefs`: the pathlib.Path of a mount for the
session, the one of `leasefs run` where that runs the tests. Where no mount can be had the test is skipped; with
LEASEFS_REQUIRE=1 it fails.
"""
import contextlib
import errno
import fcntl
import json
import os
import select
import socket
import struct
import time
from typing import Iterator, List, NamedTuple, Optional

ABI = 1
EXCLUSIVE, SHARED = 48, 80
EXCLUSIVE_BREAKABLE, SHARED_BREAKABLE = 17, 16
UNLCK = 2

_SETLEASE, _GETLEASE, _PIN, _UNPIN, _GETPINS, _REPORT, _, _WATCH = range(0x80, 0x88)
_LEASE, _PINNED, _UNPINNED = struct.Struct("=IIIiQQI20x"), struct.Struct("=IIQQQQ16x"), struct.Struct("=IIQI12x")
_LIST, _INFO, _TEXT = struct.Struct("=IIQQQ"), struct.Struct("=QQQiI"), struct.Struct("=IIIII12x")
_ADDRESS, _NOTICE = struct.Struct("=24x8s96s"), struct.Struct("=IIiI")
_PINS_MAX, _REPORT_MAX = 128, 16000
_NONBLOCK, _BY_DESCRIPTION, _ALL = 1, 1, 1
_TRIES, _GONE = 3, (errno.ECONNREFUSED, errno.ECONNRESET, errno.ENOTCONN)


class Lease(NamedTuple):
    kind: int  # during a break: what it must become (L8)
    break_ms: int  # until a break is forced; 0: no break is pending
    description: int  # names this open file description as a pin's owner; keep it secret


class Pin(NamedTuple):
    id: int
    off: int  # bytes, rounded to blocks of 4096
    len: int
    pid: int
    by_description: bool
    mine: bool
    zombie: bool


class Notice(NamedTuple):
    kind: int  # what the lease must become, or is
    break_ms: int  # 0: the break is over


def _call(fd: int, number: int, data: bytes) -> bytearray:
    room = bytearray(data)
    fcntl.ioctl(fd, 3 << 30 | len(room) << 16 | ord("Y") << 8 | number, room, True)
    return room


@contextlib.contextmanager
def _reasons(fd: int) -> Iterator[None]:
    since = int(time.time() * 1000)
    try:
        yield
    except OSError as error:
        found = None
        if error.errno not in (errno.ENOTTY, errno.EINTR, errno.ENOTCONN):
            with contextlib.suppress(OSError):
                found = refusal(fd)
        # By number: some have two names.
        if not (found and found["time"] >= since and getattr(errno, found["errno"], None) == error.errno):
            found = {}
        for name in ("rule", "holder", "remedy"):
            setattr(error, name, found.get(name))
        if found:
            why = [_held_by(found["holder"])] if "holder" in found else []
            why += [found["remedy"]] if "remedy" in found else []
            error.strerror = "%s [%s]%s" % (error.strerror, found["rule"], ": " + "; ".join(why) if why else "")
        raise


def _held_by(holder: dict) -> str:
    pin = holder.get("pin")
    by = "%(pid)d (%(command)s)" % holder if holder["pid"] else "an unidentified process"
    if pin is None:
        return "'%(kind)s' lease %(lease)d of " % holder + by
    return "%s [%d, %d) of %s" % (
        "pin %d" % pin if pin else "kernel pin",
        holder["off"],
        holder["off"] + holder["len"],
        by,
    )


def set_lease(fd: int, kind: int, *, nonblock: bool = False, signal: int = 0, cookie: int = 0) -> None:
    """Takes, converts or (UNLCK) releases the lease of this description; the owner gets `signal` at a break (B1)."""
    with _reasons(fd):
        _call(fd, _SETLEASE, _LEASE.pack(ABI, kind, _NONBLOCK if nonblock else 0, signal, cookie, 0, 0))


def get_lease(fd: int) -> Lease:
    """The lease of this description; kind UNLCK where there is none."""
    _, kind, _, _, _, description, break_ms = _LEASE.unpack(_call(fd, _GETLEASE, _LEASE.pack(ABI, 0, 0, 0, 0, 0, 0)))
    return Lease(kind, break_ms, description)


def pin(fd: int, off: int, length: int, *, by_description: bool = False, owner: int = 0) -> int:
    """Protects bytes [off, off + length); the id. It ends with this process, or with the description `owner` (0: this one)."""
    flags = _BY_DESCRIPTION if by_description else 0
    with _reasons(fd):
        return _PINNED.unpack(_call(fd, _PIN, _PINNED.pack(ABI, flags, off, length, owner, 0)))[5]


def unpin(fd: int, id: Optional[int] = None) -> int:
    """Removes the pin, or all of this file that the caller owns; how many."""
    request = _UNPINNED.pack(ABI, _ALL if id is None else 0, id or 0, 0)
    with _reasons(fd):
        return _UNPINNED.unpack(_call(fd, _UNPIN, request))[3]


def pins(fd: int) -> List[Pin]:
    """The pins of the file, in the order of their ids."""
    found: List[Pin] = []
    while True:
        after = found[-1].id if found else 0
        answer = _call(fd, _GETPINS, _LIST.pack(ABI, 0, after, 0, 0) + bytes(_PINS_MAX * _INFO.size))
        count = _LIST.unpack_from(answer)[1]
        for n in range(count):
            id, off, length, pid, flags = _INFO.unpack_from(answer, _LIST.size + n * _INFO.size)
            found.append(Pin(id, off, length, pid, bool(flags & 1), bool(flags & 2), bool(flags & 4)))
        if count < _PINS_MAX:
            return found


def report(fd: int, what: str) -> dict:
    """What `leasefs status|leases|pins` prints: of the mount where fd is its root directory, else of the file."""
    number = {"status": 1, "leases": 2, "pins": 3, "refusal": 4}[what]
    text = b""
    while True:
        answer = _call(fd, _REPORT, _TEXT.pack(ABI, number, len(text), 0, 0) + bytes(_REPORT_MAX))
        _, _, _, length, size = _TEXT.unpack_from(answer)
        text += answer[_TEXT.size : _TEXT.size + length]
        if length == 0 or len(text) >= size:
            return json.loads(text)


def refusal(fd: int) -> Optional[dict]:
    """This process's newest call on the file that a rule refused: errno (its name), rule, time (ms since 1970), and, where
    there are any, holder and remedy. Also of truncate, fallocate and write. None: none that is kept."""
    return report(fd, "refusal")["refusal"]


class Watch:
    """A break descriptor: readable, for any event loop, when a break begins, demands more or is over.

    On a mount with a keeper it goes on when the daemon dies, and the next daemon repeats the notice of a pending break."""

    def __init__(self, fd: int) -> None:
        for left in reversed(range(_TRIES)):
            try:
                self._connect(fd)
                return
            except OSError as error:
                # The daemon may have died since it answered, and another one serves the mount.
                if left == 0 or error.errno not in _GONE:
                    raise

    def _connect(self, fd: int) -> None:
        token, name = _ADDRESS.unpack(_call(fd, _WATCH, struct.pack("=I124x", ABI)))
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._socket.connect(b"\0" + name.rstrip(b"\0"))
            # A daemon that refuses the watch may have sent the reason first.
            with contextlib.suppress(BrokenPipeError):
                self._socket.sendall(token)
            #: How things were when the watch began.
            self.first = self._take()
        except BaseException:
            self._socket.close()
            raise

    def fileno(self) -> int:
        return self._socket.fileno()

    def wait(self, seconds: Optional[float] = None) -> Optional[Notice]:
        """The next notice; None when none came in time. ENOTCONN: the file was closed, or the mount is gone. Also where
        a daemon has died that had no keeper for it, and where several hundred notices were left unread: a new Watch says
        which."""
        if not select.select([self], [], [], seconds)[0]:
            return None
        return self._take()

    def _take(self) -> Notice:
        data = self._socket.recv(_NOTICE.size, socket.MSG_WAITALL)
        if len(data) < _NOTICE.size:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        kind, break_ms, error, _ = _NOTICE.unpack(data)
        if error:
            raise OSError(error, os.strerror(error))
        return Notice(kind, break_ms)

    def close(self) -> None:
        """Ends only the watch."""
        self._socket.close()

    def __enter__(self) -> "Watch":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


try:
    import pytest
except ImportError:
    pass
else:

    def _unavailable(why: str) -> None:
        (pytest.fail if os.environ.get("LEASEFS_REQUIRE") == "1" else pytest.skip)(why)

    @pytest.fixture(scope="session")
    def leasefs(tmp_path_factory):
        import pathlib
        import subprocess

        under = os.environ.get("LEASEFS_MNT")
        if under is not None:
            yield pathlib.Path(under)
            return
        path = tmp_path_factory.mktemp("leasefs")
        try:
            mounted = subprocess.run(["leasefs", "mount", path], stderr=subprocess.PIPE, text=True)
        except FileNotFoundError:
            _unavailable("leasefs is not installed: there is no such command")
        if mounted.returncode != 0:
            _unavailable(mounted.stderr.strip())
        yield path
        subprocess.run(["leasefs", "umount", "--lazy", path], check=True)
