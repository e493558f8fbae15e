# Opens and reads a file 200 times while a signal comes each 0.2 ms, and prints what the last read gave.
# usage: signalled-reads.py FILE
import ctypes, os, signal, sys

libc = ctypes.CDLL(None, use_errno=True)
READS, SECONDS = 200, 0.0002
signal.signal(signal.SIGALRM, lambda *_: None)
signal.siginterrupt(signal.SIGALRM, False)
buffer = ctypes.create_string_buffer(65536)
for _ in range(READS):
    fd = os.open(sys.argv[1], os.O_RDONLY)
    signal.setitimer(signal.ITIMER_REAL, SECONDS, SECONDS)
    # Not os.read, which calls again after EINTR.
    count = libc.read(fd, buffer, len(buffer))
    error = ctypes.get_errno()
    signal.setitimer(signal.ITIMER_REAL, 0)
    if count < 0:
        sys.exit(os.strerror(error))
    os.close(fd)
sys.stdout.buffer.write(buffer.raw[:count])
