// Who may, and how much: groups, umask, inherited bits, file size limits, long and odd paths, descriptors without a file.
import { type Check, python } from './check.js';

export const limits: Readonly<Record<string, Check>> = {
  'a supplementary group opens what its mode lets it': dir =>
    python(
      dir,
      `
if os.getuid()==0:
  p=d+b'/f'; os.close(os.open(p,os.O_CREAT|os.O_RDWR)); os.chown(p,5,777); os.chmod(p,0o060); os.chmod(d,0o755)
  def as_user(groups):
    pid=os.fork()
    if pid==0:
      os.setgroups(groups); os.setgid(1000); os.setuid(1000)
      try: os.open(p,os.O_RDWR); os._exit(0)
      except PermissionError: os._exit(13)
    return os.WEXITSTATUS(os.waitpid(pid,0)[1])
  assert as_user([777])==0 and as_user([])==13
`,
    ),

  'umask, and the group and setgid bit of a setgid directory': dir =>
    python(
      dir,
      `
os.umask(0o027)
os.close(os.open(d+b'/f',os.O_CREAT|os.O_WRONLY,0o666)); assert stat.S_IMODE(os.stat(d+b'/f').st_mode)==0o640
os.mkdir(d+b'/m',0o777); assert stat.S_IMODE(os.stat(d+b'/m').st_mode)==0o750
os.mkfifo(d+b'/p',0o666); assert stat.S_IMODE(os.stat(d+b'/p').st_mode)==0o640
if os.getuid()==0:
  os.chown(d+b'/m',0,777); os.chmod(d+b'/m',0o2777)
  os.close(os.open(d+b'/m/f',os.O_CREAT|os.O_WRONLY)); os.mkdir(d+b'/m/d')
  assert os.stat(d+b'/m/f').st_gid==777 and os.stat(d+b'/m/d').st_gid==777 and os.stat(d+b'/m/d').st_mode&0o2000
`,
    ),

  'chown: what the owner may, what nobody else may, and the bits that go': dir =>
    python(
      dir,
      `
if os.getuid()==0:
  p=d+b'/f'; os.close(os.open(p,os.O_CREAT|os.O_RDWR,0o755)); os.chown(p,1000,1000); os.chmod(p,0o6755); os.chmod(d,0o777)
  pid=os.fork()
  if pid==0:
    os.setgroups([777]); os.setgid(1000); os.setuid(1000)
    os.chown(p,-1,777); fails(errno.EPERM,os.chown,p,-1,888); fails(errno.EPERM,os.chown,p,0,-1); os._exit(0)
  assert os.waitpid(pid,0)[1]==0
  s=os.stat(p); assert s.st_gid==777 and stat.S_IMODE(s.st_mode)==0o755,oct(s.st_mode)
  pid=os.fork()
  if pid==0:
    os.setgroups([]); os.setgid(2000); os.setuid(2000)
    fails(errno.EPERM,os.chmod,p,0o777); fails(errno.EPERM,os.utime,p,(1,1)); fails(errno.EACCES,os.utime,p); os._exit(0)
  assert os.waitpid(pid,0)[1]==0
`,
    ),

  'chown to -1, -1 sets nothing and moves the ctime': dir =>
    python(
      dir,
      `
import time
open(d+b'/f','w'); os.mkdir(d+b'/d'); os.symlink('f',d+b'/l')
for n in (b'/f',b'/d',b'/l'):
  a=os.lstat(d+n); time.sleep(0.02); os.lchown(d+n,-1,-1); b=os.lstat(d+n)
  assert b.st_ctime_ns>a.st_ctime_ns and (b.st_uid,b.st_gid,b.st_mode,b.st_mtime_ns)==(a.st_uid,a.st_gid,a.st_mode,a.st_mtime_ns)
`,
    ),

  'a sticky directory: only the owners remove and rename': dir =>
    python(
      dir,
      `
if os.getuid()==0:
  os.chmod(d,0o1777); p=d+b'/f'; os.close(os.open(p,os.O_CREAT|os.O_RDWR,0o666)); os.chown(p,1000,1000)
  def as_user(uid,act):
    pid=os.fork()
    if pid==0:
      os.setgroups([]); os.setgid(uid); os.setuid(uid)
      act(); os._exit(0)
    assert os.waitpid(pid,0)[1]==0
  def refused():
    fails(errno.EPERM,os.unlink,p); fails(errno.EPERM,os.rename,p,d+b'/g')
    os.close(os.open(d+b'/mine',os.O_CREAT|os.O_RDWR)); fails(errno.EPERM,os.rename,d+b'/mine',p)
  as_user(2000,refused); as_user(1000,lambda:os.unlink(p))
`,
    ),

  'fallocate and copy_file_range by others than root take setuid and setgid': dir =>
    python(
      dir,
      `
if os.getuid()==0:
  os.chmod(d,0o777); libc=ctypes.CDLL(None,use_errno=True)
  def fa(f,mode): assert libc.fallocate(f,mode,ctypes.c_long(4096),ctypes.c_long(4096))==0,ctypes.get_errno()
  acts=[lambda f:fa(f,0),lambda f:fa(f,1),lambda f:fa(f,3),lambda f:os.copy_file_range(f,f,4096,0,8192)]
  def mode_after(uid,act):
    p=d+b'/f'; f=os.open(p,os.O_CREAT|os.O_TRUNC|os.O_RDWR); os.pwrite(f,b'x'*16384,0); os.fchmod(f,0o6777)
    pid=os.fork()
    if pid==0: os.setgroups([]); os.setgid(uid); os.setuid(uid); act(os.open(p,os.O_RDWR)); os._exit(0)
    assert os.waitpid(pid,0)[1]==0; m=stat.S_IMODE(os.fstat(f).st_mode); os.close(f); return m
  for act in acts: assert mode_after(1000,act)==0o777
  for act in acts[:3]: assert mode_after(0,act)==0o6777
`,
    ),

  'RLIMIT_FSIZE: a short write, then SIGXFSZ and EFBIG; truncate too': dir =>
    python(
      dir,
      `
import resource,signal
signal.signal(signal.SIGXFSZ,signal.SIG_IGN)
f=os.open(d+b'/f',os.O_RDWR|os.O_CREAT); resource.setrlimit(resource.RLIMIT_FSIZE,(10000,10000))
assert os.pwrite(f,b'x'*8000,4096)==10000-4096; fails(errno.EFBIG,os.pwrite,f,b'x',10000); fails(errno.EFBIG,os.ftruncate,f,10001)
assert os.fstat(f).st_size==10000
`,
    ),

  'sizes: the largest offset, and beyond it': dir =>
    python(
      dir,
      `
f=os.open(d+b'/f',os.O_RDWR|os.O_CREAT)
fails(errno.EINVAL,os.ftruncate,f,-1)
os.ftruncate(f,1<<43); assert os.fstat(f).st_size==1<<43 and os.fstat(f).st_blocks==0
os.pwrite(f,b'e',(1<<43)-1); assert os.lseek(f,0,os.SEEK_DATA)==(1<<43)-4096
`,
    ),

  'birth time stays, and comes by statx': dir =>
    python(
      dir,
      `
import subprocess,time
p=d+b'/f'; a=time.time(); os.close(os.open(p,os.O_CREAT)); time.sleep(0.05); os.utime(p,(5,5)); open(p,'w').write('x'); os.chmod(p,0o600)
b=subprocess.run(['stat','-c','%.W',p],capture_output=True,text=True).stdout.strip()
assert a-0.1<=float(b)<=a+0.05,(a,b)
`,
    ),

  'long paths, dot and dot-dot, empty names, trailing slashes': dir =>
    python(
      dir,
      `
os.chdir(d); deep=b''
for i in range(15):
  deep+=b'n'*250+b'/'
  os.mkdir(deep)
assert len(deep)<4096; os.stat(deep); fails(errno.ENAMETOOLONG,os.stat,deep+b'm'*400)
os.close(os.open(b'f',os.O_CREAT)); assert os.stat(b'./nothing/../f' if False else b'./f').st_ino==os.stat(b'f').st_ino
fails(errno.ENOENT,os.stat,b''); fails(errno.ENOTDIR,os.stat,b'f/'); fails(errno.ENOTDIR,os.stat,b'f/..')
fails(errno.EINVAL,os.rmdir,b'.'); os.mkdir(b'q'); fails(errno.ENOTEMPTY,os.rmdir,b'q/..') ; fails(errno.EEXIST,os.mkdir,b'q/')
fails(errno.EISDIR,os.open,b'new/',os.O_CREAT|os.O_WRONLY)
assert os.stat(b'q/..').st_ino==os.stat(b'.').st_ino
os.symlink(b'loop',b'loop'); fails(errno.ELOOP,os.stat,b'loop')
fails(errno.ENAMETOOLONG,os.symlink,b'x'*4096,b'long'); os.symlink(b'x'*4095,b'long'); assert len(os.readlink(b'long'))==4095
`,
    ),

  'O_PATH names a file and opens nothing; openat, fchdir and /proc/self/fd go through it': dir =>
    python(
      dir,
      `
p=d+b'/f'; open(p,'w').write('text'); f=os.open(p,os.O_PATH)
fails(errno.EBADF,os.read,f,1); fails(errno.EBADF,os.fchmod,f,0); assert os.fstat(f).st_size==4
assert open('/proc/self/fd/%d'%f).read()=='text'
q=os.open(d,os.O_PATH|os.O_DIRECTORY); g=os.open(b'f',os.O_RDONLY,dir_fd=q); assert os.read(g,9)==b'text'
os.rename(p,d+b'/g'); assert open('/proc/self/fd/%d'%f).read()=='text'
`,
    ),

  'many links of one file, and names with every byte': dir =>
    python(
      dir,
      `
p=d+b'/f'; os.close(os.open(p,os.O_CREAT))
for i in range(1000): os.link(p,d+b'/l%d'%i)
assert os.stat(p).st_nlink==1001
for b in range(1,256):
  if b==0x2f: continue
  n=bytes([b])+b'_'; os.close(os.open(d+b'/'+n,os.O_CREAT))
assert {bytes([b])+b'_' for b in range(1,256) if b!=0x2f} <= set(os.listdir(d))
fails(errno.EPERM,os.link,d,d+b'/dirlink')
`,
    ),

  'a directory whose every name is renamed while it is read comes to an end, and is seen whole after rewinddir':
    dir =>
      python(
        dir,
        `
n=3000
for i in range(n): os.close(os.open(d+b'/%040d'%i,os.O_CREAT))
seen=[]
for e in os.scandir(d):
  seen.append(e.name); assert len(seen)<=n; os.rename(e.path,e.path+b'+')
assert sorted(seen)==[b'%040d'%i for i in range(n)]
libc=ctypes.CDLL(None); libc.fdopendir.restype=ctypes.c_void_p; libc.readdir.restype=ctypes.c_void_p
p=ctypes.c_void_p(libc.fdopendir(os.open(d,os.O_RDONLY)))
def count():
  c=0
  while libc.readdir(p): c+=1
  return c-2
assert count()==n
for i in range(9): os.close(os.open(d+b'/new%d'%i,os.O_CREAT))
libc.rewinddir(p); assert count()==n+9
`,
      ),

  'a removed directory takes no more names, and is there while it is open': dir =>
    python(
      dir,
      `
q=d+b'/q'; os.mkdir(q); f=os.open(q,os.O_RDONLY); os.rmdir(q)
assert os.fstat(f).st_nlink==0 and os.listdir(f)==[]
fails(errno.ENOENT,os.open,b'x',os.O_CREAT,dir_fd=f); fails(errno.ENOENT,os.mkdir,b'x',dir_fd=f)
os.fchmod(f,0o700)
`,
    ),
};
