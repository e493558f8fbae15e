// A full file system: what every operation does when there is no block or no inode left, on one of 4 MiB and 64 inodes.
// Nothing is half done, what is there stays usable, and what is removed can be had again.
import { timeFactor } from '../support/time-factor.js';
import { type Check, python } from './check.js';

/** How small the file system of these checks is. */
export const SPACE = { bytes: 4 << 20, inodes: 64 } as const;

/**
 * What is freed may be seen a moment later, since the kernel tells of the last close and of a forgotten inode when the
 * call has returned: so what must come is waited for, and what must be refused is asked while nothing is under way.
 */
const WAIT_S = 60 * timeFactor;

const words = `
import time
libc=ctypes.CDLL(None,use_errno=True)
P=4096; KEEP=1; PUNCH=3; ZERO=16
def free(): s=os.statvfs(d); return s.f_bfree*s.f_frsize//P
def nodes(): return os.statvfs(d).f_ffree
def fallocate(f,mode,off,n):
  if libc.fallocate(f,mode,ctypes.c_long(off),ctypes.c_long(n)): raise OSError(ctypes.get_errno(),'fallocate')
def linkat(f,p):
  if libc.linkat(-100,b'/proc/self/fd/%d'%f,-100,p,0x400): raise OSError(ctypes.get_errno(),'linkat')
def new(name,flags=0): return os.open(d+b'/'+name,os.O_RDWR|os.O_CREAT|flags,0o644)
def eventually(what,*a):
  until=time.monotonic()+${WAIT_S}
  while not what(*a): assert time.monotonic()<until,'did not come'; time.sleep(0.005)
def again(act,*a):
  r=[]
  def tried():
    try: r.append(act(*a)); return True
    except OSError as x:
      assert x.errno==errno.ENOSPC,x
      return False
  eventually(tried); return r[0]
def fill(leave):
  f=new(b'ballast'); fallocate(f,0,0,(free()-leave)*P); assert free()==leave; return f
def same(f): s=os.fstat(f); return s.st_size,s.st_blocks
def listing(): return sorted(os.listdir(d)),os.stat(d).st_nlink,os.stat(d).st_mtime_ns
all_free=free(); all_nodes=nodes()
`;

const space =
  (script: string): Check =>
  dir =>
    python(dir, words + script);

/** Of blocks that a write takes by itself. The kernel serves a direct file's writes without asking us. */
export const written: Readonly<Record<string, Check>> = {
  'a write takes what fits and says how much, the next is ENOSPC and changes nothing': space(`
f=new(b'f'); b=fill(3)
assert os.write(f,b'a'*5*P)==3*P; assert same(f)==(3*P,24) and free()==0
fails(errno.ENOSPC,os.write,f,b'b'*P); fails(errno.ENOSPC,os.write,f,b'b'); assert same(f)==(3*P,24)
assert os.pread(f,9*P,0)==b'a'*3*P
assert os.pwrite(f,b'c'*2*P,P//2)==2*P and free()==0, 'what has its blocks is written'
assert os.pwrite(f,b'd'*4*P,2*P+100)==P-100 and same(f)==(3*P,24), 'up to the end of the last block'
os.ftruncate(b,os.fstat(b).st_size-2*P); eventually(lambda: free()==2)
assert os.pwrite(f,b'e'*4*P,3*P)==2*P and os.pread(f,9*P,3*P)==b'e'*2*P
`),

  'pwrite far beyond the end, O_APPEND and O_DIRECT: ENOSPC, neither size nor blocks change': space(`
import mmap
f=new(b'f'); os.write(f,b'a'*100); a=new(b'f',os.O_APPEND); b=fill(0)
fails(errno.ENOSPC,os.pwrite,f,b'b',1<<30); assert same(f)==(100,8)
assert os.write(a,b'c'*(P-100))==P-100; fails(errno.ENOSPC,os.write,a,b'd'); assert same(f)==(P,8)
try: o=os.open(d+b'/f',os.O_RDWR|os.O_DIRECT)
except OSError as x: assert x.errno==errno.EINVAL
else:
  m=mmap.mmap(-1,P); fails(errno.ENOSPC,os.pwritev,o,[m],1<<20); assert same(f)==(P,8)
os.unlink(d+b'/ballast'); os.close(b); assert again(os.pwrite,f,b'b',1<<30)==1
assert os.pread(f,1,1<<30)==b'b' and same(f)==((1<<30)+1,16)
`),

  'writev of which half fits: so many bytes, in order': space(`
f=new(b'f'); b=fill(2)
assert os.writev(f,[b'a'*P,b'b'*P,b'c'*P])==2*P; assert os.pread(f,9*P,0)==b'a'*P+b'b'*P and same(f)==(2*P,16)
fails(errno.ENOSPC,os.writev,f,[b'c'*P,b'd'])
`),

  'a write over a hole amid data: what lies in front of it is written, what lies behind it stays': space(`
f=new(b'f'); os.pwrite(f,b'a'*P,0); os.pwrite(f,b'a'*P,2*P); b=fill(0)
assert os.pwrite(f,b'b'*3*P,0)==P; fails(errno.ENOSPC,os.pwrite,f,b'b',P)
assert os.pread(f,9*P,0)==b'b'*P+bytes(P)+b'a'*P and same(f)==(3*P,16)
`),

  'six processes write the last blocks: all of them are taken, none twice': space(`
b=fill(60); pids=[]
for k in range(6):
  pid=os.fork()
  if pid==0:
    f=new(b'p%d'%k)
    try:
      while True: assert os.write(f,b'%d'%k*P)==P
    except OSError as x: os._exit(0 if x.errno==errno.ENOSPC else 1)
  pids.append(pid)
for pid in pids: assert os.waitpid(pid,0)[1]==0
assert free()==0; total=0
for k in range(6):
  t=open(d+b'/p%d'%k,'rb').read(); assert t==b'%d'%k*len(t); total+=len(t)
assert total==60*P
`),

  'sendfile: a short count, then ENOSPC': space(`
s=new(b's'); os.write(s,b'a'*4*P); f=new(b'f'); b=fill(2)
assert os.sendfile(f,s,0,4*P)==2*P; fails(errno.ENOSPC,os.sendfile,f,s,2*P,P); assert same(f)==(2*P,16)
`),

  'a store into a hole by mapping: SIGBUS, or msync says ENOSPC and the data go when the page goes': space(`
import mmap
f=new(b'f'); os.ftruncate(f,P); b=fill(0)
pid=os.fork()
if pid==0:
  m=mmap.mmap(f,P); m[0:1]=b'x'
  try: m.flush()
  except OSError as x: os._exit(x.errno)
  os._exit(0)
s=os.waitpid(pid,0)[1]; assert os.WIFSIGNALED(s) and os.WTERMSIG(s)==7 or os.WEXITSTATUS(s)==errno.ENOSPC,s
assert free()==0 and same(f)==(P,0)
os.unlink(d+b'/ballast'); os.close(b); assert again(os.pwrite,f,b'y',1)==1
m=mmap.mmap(f,P); m[2:3]=b'z'; m.flush(); assert os.pread(f,2,1)==b'yz' and same(f)==(P,8)
`),
};

export const asked: Readonly<Record<string, Check>> = {
  'fallocate beyond what is free: ENOSPC, and no block of it stays': space(`
f=new(b'f'); os.write(f,b'a'*P); b=fill(4); was=same(f)
for mode in (0,KEEP,ZERO,ZERO|KEEP):
  for off,n in ((0,9*P),(P,5*P),(1<<30,5*P),(P,1<<40)):
    try: fallocate(f,mode,off,n)
    except OSError as x: assert x.errno==errno.ENOSPC or mode&ZERO and x.errno==errno.EOPNOTSUPP,x
    else: assert False,(mode,off,n)
    assert same(f)==was and free()==4 and os.pread(f,9*P,0)==b'a'*P,(mode,off,n,same(f),free())
fallocate(f,0,P,4*P); assert free()==0 and same(f)==(5*P,40)
fallocate(f,0,0,5*P); fallocate(f,KEEP,P,P)
assert os.pwrite(f,b'b'*4*P,P)==4*P
`),

  'a punch and a truncate need no block, and what they free can be had again': space(`
f=new(b'f'); os.write(f,b'a'*8*P); b=fill(0)
fallocate(f,PUNCH,P,2*P); assert free()==2 and same(f)==(8*P,48)
fallocate(f,0,P,2*P); assert free()==0 and os.pread(f,2*P,P)==bytes(2*P)
fallocate(f,PUNCH,100,P); os.ftruncate(f,2*P+7); assert free()==5 and same(f)==(2*P+7,24)
fallocate(f,0,0,8*P); assert free()==0
os.ftruncate(f,1<<40); assert same(f)==(1<<40,64), 'a longer file needs no block'
os.close(new(b'f',os.O_TRUNC)); assert same(f)==(0,0) and free()==8
`),

  'copy_file_range: what fits, then ENOSPC; the source stays': space(`
s=new(b's'); os.write(s,bytes(range(256))*64); f=new(b'f'); b=fill(2)
done=0
try:
  while done<4*P: done+=os.copy_file_range(s,f,4*P-done,done,done)
except OSError as x: assert x.errno==errno.ENOSPC,x
assert done==2*P and same(f)==(2*P,16) and free()==0
assert os.pread(f,9*P,0)==os.pread(s,2*P,0) and same(s)==(4*P,32)
`),

  'an unlinked file keeps its blocks and its inode until the last close': space(`
f=new(b'f'); fallocate(f,0,0,free()*P); n=nodes(); os.unlink(d+b'/f'); assert free()==0 and nodes()<=n
g=new(b'g'); fails(errno.ENOSPC,fallocate,g,0,0,P)
os.close(f); again(fallocate,g,0,0,P); eventually(lambda: free()==all_free-1)
`),

  'names need no block: files, directories, links, renames and attributes are had on a full one': space(`
f=new(b'f'); b=fill(0); p=d+b'/'
os.mkdir(p+b'q'); os.symlink('f',p+b's'); os.link(p+b'f',p+b'l'); os.mkfifo(p+b'p')
os.close(new(b'g')); os.rename(p+b'g',p+b'q/g'); os.rename(p+b'q/g',p+b'l')
os.chmod(p+b'f',0o600); os.utime(p+b'f',(1,1)); os.setxattr(p+b'f','user.a',b'1')
t=os.open(d,os.O_TMPFILE|os.O_RDWR); linkat(t,p+b't')
assert sorted(os.listdir(d))==[b'ballast',b'f',b'l',b'p',b'q',b's',b't'] and os.listdir(p+b'q')==[] and free()==0
`),

  'no inode left: create, mkdir, symlink, mknod and O_TMPFILE are ENOSPC and leave the directory as it was':
    space(`
p=d+b'/'; os.mkdir(p+b'q'); f=new(b'f'); os.write(f,b'a')
t=os.open(d,os.O_TMPFILE|os.O_RDWR)
for i in range(nodes()): os.close(new(b'%d'%i))
assert nodes()==0; was=listing()
n=p+b'more'
def refused():
  for act in (lambda: new(b'more'),lambda: new(b'more',os.O_EXCL),lambda: os.mkdir(n),lambda: os.symlink('x',n),lambda: os.mkfifo(n),
    lambda: os.mknod(n,stat.S_IFREG|0o600),lambda: os.mknod(n,stat.S_IFSOCK|0o600),lambda: os.open(d,os.O_TMPFILE|os.O_RDWR),
    lambda: os.mkdir(p+b'q/more')): fails(errno.ENOSPC,act)
refused(); assert listing()==was and nodes()==0 and not os.path.lexists(n)
os.rename(p+b'0',p+b'zero'); os.rename(p+b'zero',p+b'q/0'); os.rename(p+b'q/0',p+b'0'); os.write(f,b'b')
linkat(t,p+b'linked'); refused()
os.rename(p+b'1',p+b'2'); os.close(again(new,b'more')); os.unlink(n)
again(os.mkdir,n); os.rmdir(n); again(os.symlink,'x',n); os.unlink(n); again(os.mkfifo,n); os.unlink(n)
again(os.open,d,os.O_TMPFILE|os.O_RDWR)
`),

  'extended attributes end at ENOSPC; what was set stays, and removing one makes room for another': space(`
p=d+b'/f'; f=new(b'f'); n=0; v=b'v'*30000
try:
  while n<1000: os.setxattr(f,'user.%d'%n,v); n+=1
except OSError as x: assert x.errno==errno.ENOSPC,x
assert 0<n<1000 and len(os.listxattr(f))==n
fails(errno.ENOSPC,os.setxattr,f,'user.0',v+v); assert os.getxattr(f,'user.0')==v
os.setxattr(f,'user.0',b'small'); os.setxattr(f,'user.0',v)
os.removexattr(f,'user.0'); os.setxattr(f,'user.more',v); fails(errno.ENOSPC,os.setxattr,f,'user.yet',v)
g=new(b'g'); os.unlink(p); os.close(f); again(os.setxattr,g,'user.a',v)
`),
};
