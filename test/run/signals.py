# signals.py count LEASEFS MNT: `leasefs run` of a program that counts signals, at a terminal of its own that is not its standard
# input. Sends one Ctrl-C, a SIGINT to run alone, a real-time signal to the whole process group and to run alone, and then
# another one, at which the program prints how many it saw. Prints that and the exit code.
#
# signals.py inherit LEASEFS MNT: which signals a program has blocked and pending whose parent has some, without run and with.
import os
import pty
import signal
import subprocess
import sys
import time

# Of a real-time signal the kernel merges no two.
QUEUED = signal.SIGRTMIN + 1
# The kernel gives the lowest number first: this is the last.
LAST = signal.SIGRTMIN + 2
RUN = ["run", "--output", "/dev/null", "--at"]


def program():
    signals = [signal.SIGINT, QUEUED, LAST]
    # Those that are blocked are waited for, so that none is missed.
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    os.write(1, b"ready\n")
    seen = 0
    while signal.sigwait(signals) != LAST:
        seen += 1
        os.write(1, b"seen %d\n" % seen)
    os.write(1, b"in all %d\n" % seen)


def pending(pid, number):
    with open(f"/proc/{pid}/status") as status:
        masks = [line.split()[1] for line in status if line.startswith(("SigPnd", "ShdPnd"))]
    return any(int(mask, 16) >> (number - 1) & 1 for mask in masks)


def count(leasefs, mnt):
    pid, terminal = pty.fork()
    if pid == 0:
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.execv(leasefs, [leasefs, *RUN, mnt, "--", sys.executable, __file__])
    said = b""

    def wait_for(word):
        nonlocal said
        while word not in said:
            said += os.read(terminal, 4096)

    wait_for(b"ready")
    sends = [
        (signal.SIGINT, lambda: os.write(terminal, b"\x03")),
        (signal.SIGINT, lambda: os.kill(pid, signal.SIGINT)),
        (QUEUED, lambda: os.killpg(pid, QUEUED)),
        (QUEUED, lambda: os.kill(pid, QUEUED)),
    ]
    for n, (number, send) in enumerate(sends):
        send()
        wait_for(b"seen %d" % (n + 1))
        # The kernel merges a signal with one that the process has not taken yet.
        while pending(pid, number):
            time.sleep(0.001)
    os.kill(pid, LAST)
    wait_for(b"in all")
    wait_for(b"\n")
    _, status = os.waitpid(pid, 0)
    print(said.decode().split("in all ")[1].split()[0], os.waitstatus_to_exitcode(status))


def inherit(leasefs, mnt):
    def block():
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGUSR1, signal.SIGRTMIN])
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGRTMIN)
        os.kill(os.getpid(), signal.SIGRTMIN)

    look = ["grep", "-E", "^(Sig(Blk|Ign|Pnd)|ShdPnd)", "/proc/self/status"]
    for words in [], [leasefs, *RUN, mnt, "--"]:
        print(subprocess.run([*words, *look], preexec_fn=block, stdout=subprocess.PIPE, text=True).stdout)


if len(sys.argv) == 1:
    program()
else:
    {"count": count, "inherit": inherit}[sys.argv[1]](*sys.argv[2:])
