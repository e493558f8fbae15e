"""A change moves the mtime however soon after it was set."""
import mmap
import os

from check import directory

path = directory + b"/f"
source_path = directory + b"/g"
open(source_path, "w").write("data")


def moves(change):
    for turn in range(20):
        file = os.open(path, os.O_RDWR | os.O_CREAT)
        source = os.open(source_path, os.O_RDONLY)
        os.pwrite(file, b"x" * 4096, 0)
        memory = mmap.mmap(file, 4096)
        os.utime(file, ns=(10**12, 10**12))
        change(file, source, memory)
        assert os.fstat(file).st_mtime_ns > 10**13, (turn, os.fstat(file).st_mtime_ns)
        os.close(file)
        os.close(source)
        memory.close()


moves(lambda file, source, memory: os.pwrite(file, b"y", 0))
moves(lambda file, source, memory: os.copy_file_range(source, file, 4, 0, 0))
moves(lambda file, source, memory: os.ftruncate(file, 8192))


def store(file, source, memory):
    memory[5] = 7
    memory.flush()


moves(store)
