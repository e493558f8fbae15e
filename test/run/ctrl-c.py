# ctrl-c.py LEASEFS MNT: `leasefs run` of a program that counts SIGINT, at a terminal of its own that is not its standard
# input. Sends one Ctrl-C, then a SIGINT to run alone, then SIGUSR2, at which the program prints how many it saw.
import os
import pty
import signal
import sys
import time

def program():
    signals = [signal.SIGINT, signal.SIGUSR2]
    # Those that are blocked are waited for, so that none is missed.
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    os.write(1, b"ready\n")
    seen = 0
    while signal.sigwait(signals) == signal.SIGINT:
        seen += 1
        os.write(1, b"seen %d\n" % seen)
    os.write(1, b"in all %d\n" % seen)


def pending(pid, number):
    with open(f"/proc/{pid}/status") as status:
        masks = [line.split()[1] for line in status if line.startswith(("SigPnd", "ShdPnd"))]
    return any(int(mask, 16) >> (number - 1) & 1 for mask in masks)


def main(leasefs, mnt):
    pid, terminal = pty.fork()
    if pid == 0:
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        words = ["run", "--at", mnt, "--output", "/dev/null", "--", sys.executable, __file__]
        os.execv(leasefs, [leasefs, *words])
    said = b""

    def wait_for(word):
        nonlocal said
        while word not in said:
            said += os.read(terminal, 4096)

    wait_for(b"ready")
    os.write(terminal, b"\x03")
    wait_for(b"seen 1")
    # The kernel merges a signal with one that the process has not taken yet.
    while pending(pid, signal.SIGINT):
        time.sleep(0.001)
    os.kill(pid, signal.SIGINT)
    wait_for(b"seen 2")
    os.kill(pid, signal.SIGUSR2)
    wait_for(b"in all")
    wait_for(b"\n")
    _, status = os.waitpid(pid, 0)
    print(said.decode().split("in all ")[1].split()[0], os.waitstatus_to_exitcode(status))


if len(sys.argv) == 1:
    program()
else:
    main(*sys.argv[1:])
