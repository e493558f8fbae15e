"""What another user makes is theirs: files, directories, links, fifos; they may change it."""
import os

from check import directory

if os.getuid() == 0:
    os.chmod(directory, 0o777)
    os.chdir(directory)
    pid = os.fork()
    if pid == 0:
        os.setgid(4321)
        os.setuid(1234)
        open("f", "w").close()
        os.mkdir("d")
        os.symlink("f", "l")
        os.mkfifo("p")
        os.chmod("f", 0o600)
        os.link("f", "h")
        os.chmod("d", 0o500)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0, "its own files are refused to it"
    for name in "fdlph":
        status = os.lstat(name)
        assert (status.st_uid, status.st_gid) == (1234, 4321), (name, status.st_uid, status.st_gid)
