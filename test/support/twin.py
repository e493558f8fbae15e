"""Does the same random operations in two directories, MOUNT and REFERENCE, and compares what each call answers and what the
trees are. Usage: twin.py MOUNT REFERENCE SEED SECONDS. Prints the number of operations; the first difference ends it with 1."""
import errno
import mmap
import os
import random
import stat
import sys
import time

mount, reference, seed, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
rng = random.Random(seed)
names = ["a", "b", "c", "d", "e"]
dirs = ["", "x", "y", "x/z"]
open_files = []
history = []


def place():
    directory = rng.choice(dirs)
    return os.path.join(directory, rng.choice(names + ["x", "y", "z"]))


def both(what, call):
    """The call in each directory; answers the results where they agree."""
    answers = []
    for root in (mount, reference):
        try:
            answers.append(call(root))
        except OSError as error:
            answers.append(errno.errorcode[error.errno])
    history.append(f"{what}: {answers[0]!r}")
    if answers[0] != answers[1]:
        fail(f"{what}: {answers[0]!r} on the mount, {answers[1]!r} on the reference")
    return answers[0]


def fail(why):
    print(f"seed {seed}: {why}\n  " + "\n  ".join(history[-20:]), file=sys.stderr)
    sys.exit(1)


def tree(root):
    found = []
    for directory, below, files in os.walk(root):
        below.sort()
        for name in sorted(below + files):
            path = os.path.join(directory, name)
            at = os.lstat(path)
            entry = [os.path.relpath(path, root), stat.filemode(at.st_mode), at.st_uid]
            if stat.S_ISREG(at.st_mode):
                with open(path, "rb") as file:
                    entry += [at.st_nlink, at.st_size, hash(file.read())]
                entry.append(sorted((x, os.getxattr(path, x)) for x in os.listxattr(path)))
            elif stat.S_ISLNK(at.st_mode):
                entry.append(os.readlink(path))
            found.append(entry)
    return found


def open_both(path, flags):
    fds = []

    def call(root):
        fds.append(os.open(os.path.join(root, path), flags, 0o644))
        return "open"

    if both(f"open {path} {flags:o}", call) == "open":
        open_files.append(tuple(fds))


def on_open(what, call):
    if not open_files:
        return
    fds = rng.choice(open_files)
    by_root = dict(zip((mount, reference), fds))
    both(what, lambda root: call(by_root[root]))


def store(fd, at, byte):
    size = os.fstat(fd).st_size
    if size == 0:
        return "empty"
    with mmap.mmap(fd, size) as memory:
        memory[at % size] = byte
        memory.flush()
    return "stored"


def step():
    path, other = place(), place()
    at, length, byte = rng.randrange(40000), rng.randrange(1, 9000), rng.randrange(256)
    what = rng.randrange(20)
    if what < 3:
        open_both(path, rng.choice([os.O_RDWR, os.O_RDWR | os.O_CREAT, os.O_RDWR | os.O_CREAT | os.O_EXCL]))
    elif what == 3 and open_files:
        fds = open_files.pop(rng.randrange(len(open_files)))
        for fd in fds:
            os.close(fd)
    elif what < 7:
        on_open(f"pwrite {at}+{length}", lambda fd: os.pwrite(fd, bytes([byte]) * length, at))
    elif what < 9:
        on_open(f"pread {at}+{length}", lambda fd: hash(os.pread(fd, length, at)))
    elif what == 9:
        on_open(f"ftruncate {at}", lambda fd: os.ftruncate(fd, at))
    elif what == 10:
        on_open(f"fallocate {at}+{length}", lambda fd: os.posix_fallocate(fd, at, length))
    elif what == 11:
        on_open(f"store {at}", lambda fd: store(fd, at, byte))
    elif what == 12:
        both(f"mkdir {path}", lambda root: os.mkdir(os.path.join(root, path)))
    elif what == 13:
        both(f"rmdir {path}", lambda root: os.rmdir(os.path.join(root, path)))
    elif what == 14:
        both(f"unlink {path}", lambda root: os.unlink(os.path.join(root, path)))
    elif what == 15:
        both(f"rename {path} {other}", lambda root: os.rename(os.path.join(root, path), os.path.join(root, other)))
    elif what == 16:
        both(f"link {path} {other}", lambda root: os.link(os.path.join(root, path), os.path.join(root, other)))
    elif what == 17:
        both(f"symlink {path}", lambda root: os.symlink("target", os.path.join(root, path)))
    elif what == 18:
        both(f"chmod {path}", lambda root: os.chmod(os.path.join(root, path), 0o600 | byte & 0o77))
    else:
        name = f"user.{rng.choice(names)}"
        both(f"setxattr {path}", lambda root: os.setxattr(os.path.join(root, path), name, b"v" * byte))


for directory in dirs[1:]:
    both(f"mkdir {directory}", lambda root: os.mkdir(os.path.join(root, directory)))
end = time.monotonic() + seconds
steps = 0
while time.monotonic() < end:
    step()
    steps += 1
    if len(open_files) > 20:
        for fd in open_files.pop(0):
            os.close(fd)
    if steps % 200 == 0:
        both("the trees", tree)
both("the trees", tree)
for fds in open_files:
    for fd in fds:
        os.close(fd)
print(steps)
