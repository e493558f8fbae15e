"""A service manager with a descriptor store, as systemd's: DIRECTORY PROGRAM [ARG...] -- SCRIPT...

Runs PROGRAM once for each SCRIPT, which is its last argument, and gives it what earlier runs have stored.
Prints each message that came, and what the runs printed.
"""
import array
import fcntl
import os
import socket
import subprocess
import sys

directory, *words = sys.argv[1:]
end = words.index("--")
program, scripts = words[:end], words[end + 1 :]
address = os.path.join(directory, "notify")
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind(address)
notify.setblocking(False)
stored = []


def take():
    """All messages that are there."""
    while True:
        try:
            data, extra, _, _ = notify.recvmsg(4096, socket.CMSG_SPACE(16))
        except BlockingIOError:
            return
        fds = array.array("i")
        for _, _, room in extra:
            fds.frombytes(room[: len(room) - len(room) % 4])
        fields = dict(line.split("=", 1) for line in data.decode().split("\n"))
        print("said", " ".join(data.decode().split("\n")), len(fds), flush=True)
        name = fields.get("FDNAME")
        if fields.get("FDSTORE") == "1":
            stored.append((name, fds[0]))
        if fields.get("FDSTOREREMOVE") == "1":
            for each in [each for each in stored if each[0] == name]:
                stored.remove(each)
                os.close(each[1])


def given(fds):
    """Descriptors 3 and on, as sd_listen_fds(3) has them."""

    def prepare():
        # First out of the range that is written.
        high = [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 100) for fd in fds]
        for at, fd in enumerate(high):
            os.dup2(fd, 3 + at)

    return prepare


for script in scripts:
    env = {**os.environ, "NOTIFY_SOCKET": address, "FDSTORE": "64"}
    fds = [fd for _, fd in stored]
    env["LISTEN_FDS"] = str(len(fds))
    env["LISTEN_FDNAMES"] = ":".join(name for name, _ in stored)
    # LISTEN_PID is known in the child alone: a shell sets it and becomes the program.
    shell = ["sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh"]
    ran = subprocess.run(
        [*shell, *program, script],
        env=env,
        stdout=subprocess.PIPE,
        preexec_fn=given(fds),
        close_fds=False,
        check=False,
    )
    take()
    print("ran", ran.stdout.decode().strip(), flush=True)
