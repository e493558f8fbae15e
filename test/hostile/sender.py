# cspell:ignore closerange ljust
# A client of the control socket that is another program when its message is read. Its child sends when a line comes, and
# executes the rest of the arguments. The answer's code is printed.
# usage: sender.py WHAT FILE FD PROGRAM [ARGUMENT]...
#   lease   FILE is open, and the message asks for an exclusive lease
#   open    the message says that descriptor FD is FILE, which is not open yet
#   both    as lease, and a descriptor of FILE is closed by the exec
import os, socket, struct, sys

what, path, number, *program = sys.argv[1:]
OPEN, SETLEASE = 1, 0xC0385980
name, key = os.getxattr(path, 'system.leasefs').decode().split(' ')


def message(id, code, struct_):
    return struct.pack('<II', id, code) + struct_


def opening(fd):
    return message(1, OPEN, struct.pack('<IiQ16x', 1, fd, 0) + key.encode().ljust(128, b'\0'))


def code():
    return struct.unpack_from('<Ii', link.recv(65536))[1]


link = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
link.connect('\0' + name)
# The program opens its file at the lowest number.
os.dup2(link.fileno(), 20)
if what == 'open':
    sent = opening(int(number))
else:
    fd = os.open(path, os.O_RDWR)
    os.set_inheritable(fd, what == 'lease')
    os.dup2(fd, 21, inheritable=what == 'lease')
    link.send(opening(fd))
    assert code() == 0
    os.close(fd)
    sent = message(2, SETLEASE, struct.pack('<IIIiQQ24x', 1, 48, 0, 0, 0, 0))
print(os.getpid(), flush=True)
sys.stdin.readline()
pid = os.fork()
if pid == 0:
    link.detach()
    os.closerange(3, 20)
    socket.socket(fileno=20).send(sent)
    os.execv(program[0], program)
print(pid, flush=True)
print(code(), flush=True)
os.kill(pid, 9)
os.waitpid(pid, 0)
