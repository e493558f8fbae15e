"""Ten million requests of every kind: memory stays flat."""
import fcntl
import os
import struct
import sys
import time

from check import directory

top = os.path.dirname(directory)
stats = top + b"/.leasefs/stats"
ours = os.path.exists(stats)
SLACK = int(sys.argv[2])
total = int(os.environ.get("REQUESTS", "10000000"))


def read():
    return dict(line.split(" ", 1) for line in open(stats).read().splitlines()) if ours else {}


def requests():
    if not ours:
        return rounds * 40
    return sum(int(value) for name, value in read().items() if name.startswith("requests."))


rounds = 0
pid = read().get("pid")


def memory():
    """Bytes, by field of /proc/PID/status."""
    fields = {}
    for line in open("/proc/" + pid + "/status"):
        if line.startswith(("VmRSS", "RssAnon")):
            name, kib, _ = line.split()
            fields[name[:-1]] = int(kib) << 10
    return fields


def lease(kind):
    return struct.pack("=IIIiQQI5I", 1, kind, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)


SETLEASE, PIN, UNPIN = 0xc0385980, 0xc0385982, 0xc0205983
os.chdir(directory)
page = b"x" * 4096
os.mkdir("dir")
for number in range(20):
    os.close(os.open("dir/%d" % number, os.O_CREAT))
kept = os.open("kept", os.O_CREAT | os.O_RDWR)
os.write(kept, page * 16)


def everything():
    """About forty requests, of every kind."""
    file = os.open("a", os.O_CREAT | os.O_EXCL | os.O_RDWR)
    os.write(file, page)
    os.pwrite(file, page, 8192)
    os.pread(file, 4096, 0)
    os.lseek(file, 0, os.SEEK_HOLE)
    os.ftruncate(file, 5000)
    os.posix_fallocate(file, 0, 12288)
    os.fsync(file)
    os.fchmod(file, 0o600)
    os.utime(file, (1, 2))
    os.setxattr(file, "user.a", page)
    os.getxattr(file, "user.a")
    os.listxattr(file)
    os.removexattr(file, "user.a")
    if ours:
        fcntl.ioctl(file, SETLEASE, lease(48))
        pinned = fcntl.ioctl(file, PIN, struct.pack("=IIQQQQQQ", 1, 0, 0, 4096, 0, 0, 0, 0))
        fcntl.ioctl(file, UNPIN, struct.pack("=IIQI3I", 1, 0, struct.unpack_from("=Q", pinned, 32)[0], 0, 0, 0, 0))
        fcntl.ioctl(file, SETLEASE, lease(2))
    os.link("a", "b")
    os.rename("b", "c")
    os.rename("c", "a2")
    os.replace("a2", "a")
    os.symlink("a", "s")
    os.readlink("s")
    os.unlink("s")
    os.mkdir("m")
    os.rmdir("m")
    os.mkfifo("p")
    os.unlink("p")
    os.listdir("dir")
    list(os.scandir("."))
    os.statvfs(".")
    nameless = os.open(".", os.O_TMPFILE | os.O_RDWR)
    os.write(nameless, page)
    os.close(nameless)
    os.copy_file_range(kept, file, 8192, 0, 4096)
    os.unlink("a")
    os.fstat(file)
    os.close(file)
    for number in range(5):
        os.fstat(kept)
        os.pread(kept, 4096, 4096 * number)
        os.pwrite(kept, page, 4096 * number)
        os.stat("dir/%d" % number)
        os.access("dir/none", 0)
        os.close(os.open("dir/%d" % number, os.O_RDONLY))


samples = []
done = requests()
first = done
began = time.monotonic()
while done < first + total:
    for number in range(200):
        everything()
        rounds += 1
    done = requests()
    if ours:
        samples.append((done - first, memory()))
took = time.monotonic() - began
if ours:
    warm = [(count, size) for count, size in samples if count >= total / 5]
    counts = [count for count, _ in warm]
    sizes = [size["RssAnon"] for _, size in warm]
    mean_count = sum(counts) / len(counts)
    mean_size = sum(sizes) / len(sizes)
    rise = sum((count - mean_count) * (size - mean_size) for count, size in zip(counts, sizes))
    slope = rise / (sum((count - mean_count) ** 2 for count in counts) or 1)
    print(
        "%d requests in %.0f s, RssAnon %.1f MiB after a fifth, %.1f at the end, slope %.3f bytes a request"
        % (done - first, took, sizes[0] / 2**20, sizes[-1] / 2**20, slope)
    )
    for field in ("VmRSS", "RssAnon"):
        early = max(size[field] for count, size in warm if count < 0.6 * total)
        late = max(size[field] for count, size in warm if count >= 0.6 * total)
        assert late <= early + SLACK, (field, early, late, slope)
