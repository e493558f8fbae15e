// What the kernel answers of a file from its own memory is what the file is: after each of many random changes, through
// any descriptor, mapping or name, statx(2) says the same as with AT_STATX_FORCE_SYNC, whichever fields it is asked for.
import { type Check, python } from './check.js';

/** More of them: LEASEFS_COHERENCE_STEPS. */
const STEPS = Number(process.env.LEASEFS_COHERENCE_STEPS ?? 600);
const SEED = Number(process.env.LEASEFS_COHERENCE_SEED ?? 1);

/** `statx` of a name or a descriptor, by field; `tick` lets the clock move that stamps files. */
const STATX = `
import mmap,random,time
libc=ctypes.CDLL(None,use_errno=True)
libc.fallocate.argtypes=[ctypes.c_int,ctypes.c_int,ctypes.c_long,ctypes.c_long]
SYNC=0x2000; BITS=dict(mode=2,nlink=4,uid=8,gid=16,atime=0x20,mtime=0x40,ctime=0x80,ino=0x100,size=0x200,blocks=0x400)
def statx(name,flags=0,mask=0x7ff):
  b=ctypes.create_string_buffer(256)
  if libc.statx(-100,name,flags,mask,b)!=0: raise OSError(ctypes.get_errno(),'statx')
  v=b.raw; u=lambda at: struct.unpack_from('=Q',v,at)[0]; t=lambda at: struct.unpack_from('=qI',v,at)
  w=lambda at: struct.unpack_from('=I',v,at)[0]
  return dict(mode=w(28)&0xffff,nlink=w(16),uid=w(20),gid=w(24),atime=t(64),mtime=t(112),ctime=t(96),ino=u(32),size=u(40),blocks=u(48))
def tick(): time.sleep(0.0045)
# mmap.mmap keeps a descriptor of its own. Of a page that waits to be written back the server knows nothing: flush it.
libc.mmap.restype=ctypes.c_void_p
libc.mmap.argtypes=[ctypes.c_void_p,ctypes.c_size_t,ctypes.c_int,ctypes.c_int,ctypes.c_int,ctypes.c_long]
libc.munmap.argtypes=[ctypes.c_void_p,ctypes.c_size_t]
libc.msync.argtypes=[ctypes.c_void_p,ctypes.c_size_t,ctypes.c_int]
class Mapping:
  def __init__(self,fd,length,prot):
    self.at=libc.mmap(None,length,prot,mmap.MAP_SHARED,fd,0); self.length=length
    assert self.at!=ctypes.c_void_p(-1).value
  def __len__(self): return self.length
  def __getitem__(self,i): return ctypes.c_ubyte.from_address(self.at+i).value
  def __setitem__(self,i,v): ctypes.c_ubyte.from_address(self.at+i).value=v
  def flush(self): libc.msync(self.at,self.length,4)
  def close(self): assert libc.munmap(self.at,self.length)==0
os.chdir(d); os.umask(0)
`;

export const coherence: Readonly<Record<string, Check>> = {
  'what the kernel remembers of a file is what the file is, after each of many changes': dir =>
    python(
      dir,
      `${STATX}
rnd=random.Random(${SEED})
names=[b'a',b'b']; fds=[]; maps=[]; links=[]; log=[]
for n in names: os.close(os.open(n,os.O_CREAT|os.O_WRONLY,0o644))
size=lambda fd: os.lseek(fd,0,os.SEEK_END)
def able(*modes):
  own=[f for f in fds if f[1] in modes]
  return rnd.choice(own)[0] if own else None
where=lambda: rnd.randrange(64)*rnd.choice([4096,4096,1000])
def do_open(): fds.append((os.open(rnd.choice(names),mode:=rnd.choice([os.O_RDONLY,os.O_WRONLY,os.O_RDWR])),mode))
def do_trunc_open(): os.close(os.open(rnd.choice(names),os.O_WRONLY|os.O_TRUNC))
def do_close():
  if fds: os.close(fds.pop(rnd.randrange(len(fds)))[0])
def do_write():
  fd=able(os.O_WRONLY,os.O_RDWR)
  if fd is not None: os.pwrite(fd,b'x'*rnd.choice([1,4096,20000]),where())
def do_fill():
  fd=os.open(rnd.choice(names),os.O_WRONLY|os.O_TRUNC); os.write(fd,b'y'*where()); os.close(fd)
def do_read():
  fd=able(os.O_RDONLY,os.O_RDWR)
  if fd is not None: os.pread(fd,8192,where())
def do_truncate(): os.truncate(rnd.choice(names),where())
def do_ftruncate():
  fd=able(os.O_WRONLY,os.O_RDWR)
  if fd is not None: os.ftruncate(fd,where())
def do_fallocate():
  fd=able(os.O_WRONLY,os.O_RDWR)
  if fd is not None and libc.fallocate(fd,rnd.choice([0,1,3,3,16,17]),where(),rnd.choice([1,4096,50000])): assert ctypes.get_errno() in (errno.EOPNOTSUPP,errno.ENODEV)
def do_map():
  fd=able(os.O_RDWR,os.O_RDONLY)
  if fd is None or size(fd)==0 or len(maps)>4: return
  rw=fcntl.fcntl(fd,fcntl.F_GETFL)&3==os.O_RDWR and rnd.random()<.7
  maps.append((Mapping(fd,size(fd),mmap.PROT_READ|(mmap.PROT_WRITE if rw else 0)),os.dup(fd) if rnd.random()<.3 else -1,os.fstat(fd).st_ino,rw))
def reach(m): return min(len(m[0]),max([s['size'] for s in (statx(n,SYNC) for n in names) if s['ino']==m[2]],default=0))
def do_store():
  for m in maps:
    if m[3] and reach(m): m[0][rnd.randrange(reach(m))]=7; m[0].flush()
def do_load():
  for m in maps:
    if reach(m): m[0][rnd.randrange(reach(m))]
def do_unmap():
  if maps:
    m=maps.pop(rnd.randrange(len(maps))); m[0].close()
    if m[1]>=0: os.close(m[1])
def do_msync():
  for m in maps: m[0].flush()
def do_chmod(): os.chmod(rnd.choice(names),rnd.choice([0o600,0o644,0o755,0o700,0o666,0o640,0o4755,0o2755,0o2644]))
def do_chown():
  if os.getuid()==0: os.chown(rnd.choice(names),rnd.choice([0,1234]),rnd.choice([0,77]))
def do_utime(): os.utime(rnd.choice(names),ns=(rnd.randrange(10**18),rnd.randrange(10**18)))
def do_link(): links.append(b'l%d'%rnd.randrange(10**9)); os.link(rnd.choice(names),links[-1])
def do_unlink():
  if links: os.unlink(links.pop(rnd.randrange(len(links))))
def do_rename():
  n=rnd.choice(names); os.rename(n,b'z'); os.rename(b'z',n)
def do_over():
  if links: os.rename(links.pop(),rnd.choice(names))
def do_swap(): libc.renameat2(-100,names[0],-100,names[1],2)
def do_anew(): n=rnd.choice(names); os.unlink(n); os.close(os.open(n,os.O_CREAT|os.O_RDWR,0o644))
def do_xattr(): os.setxattr(rnd.choice(names),'user.x',b'v')
def do_noxattr():
  try: os.removexattr(rnd.choice(names),'user.x')
  except OSError as e: assert e.errno==errno.ENODATA,e
def do_acl(): os.setxattr(rnd.choice(names),'system.posix_acl_access',struct.pack('=I',2)+b''.join(struct.pack('=HHI',*e) for e in [(1,6,2**32-1),(2,4,1234),(4,rnd.choice([0,4]),2**32-1),(16,rnd.choice([0,4,7]),2**32-1),(32,0,2**32-1)]))
def do_copy():
  a=os.open(names[0],os.O_RDONLY); b=os.open(names[1],os.O_WRONLY); os.copy_file_range(a,b,rnd.choice([4096,100000]),where(),where()); os.close(a); os.close(b)
def do_sendfile():
  a=os.open(names[1],os.O_RDONLY); b=os.open(names[0],os.O_WRONLY); os.sendfile(b,a,0,30000); os.close(a); os.close(b)
def do_list():
  for e in os.scandir(): e.stat()
def do_fork():
  pid=os.fork()
  if pid==0:
    f=os.open(rnd.choice(names),os.O_RDWR); os.ftruncate(f,8192); m=Mapping(f,8192,3); os.close(f); m[5000]=1; m[0]=2; m.flush(); os._exit(0)
  assert os.waitpid(pid,0)[1]==0
does=[f for k,f in list(globals().items()) if k.startswith('do_')]+[do_open,do_write,do_store,do_store,do_load,do_read,do_fill]
for step in range(${STEPS}):
  do=rnd.choice(does); log.append(do.__name__)
  try: do()
  except OSError as e: assert e.errno==errno.EOPNOTSUPP or (e.errno==errno.EINVAL and do==do_copy and statx(names[0])['ino']==statx(names[1])['ino']),(e,log[-1])
  if len(fds)>6: do_close()
  for n in names:
    fields=[k for k in BITS if rnd.random()<.4] if rnd.random()<.7 else list(BITS)
    got=statx(n,0,sum(BITS[k] for k in fields))
    true=statx(n,SYNC)
    for k in fields: assert got[k]==true[k],(step,n,k,got[k],true[k],log[-12:])
    if rnd.random()<.5: statx(n)
  # Two changes within one tick of the clock that stamps files cannot be told apart.
  tick()
`,
    ),

  'a store through a mapping, and the hole that a load fills, shows in the next statx of that field alone':
    dir =>
      python(
        dir,
        `
${STATX}
P=4096; RW=mmap.PROT_READ|mmap.PROT_WRITE
def made(name,flags,pages,hole=False):
  f=os.open(name,os.O_CREAT|flags,0o644)
  if hole: os.ftruncate(f,pages*P)
  else: os.write(f,b'x'*pages*P)
  return f
def moves(name,field,act,ask=True):
  if ask: statx(name)
  tick(); before=statx(name,0,BITS[field])[field]; act(); after=statx(name,0,BITS[field])[field]; true=statx(name,SYNC)[field]
  assert after==true,(name,field,before,after,true)
def store(m,page): m[page*P]=1; m.flush()
def load(m,page): return m[page*P]
# A descriptor that is opened after the attributes were asked for.
os.close(made(b'later',os.O_WRONLY,4)); statx(b'later')
f=os.open(b'later',os.O_RDWR); m=Mapping(f,4*P,RW)
moves(b'later','mtime',lambda: store(m,0),False); moves(b'later','ctime',lambda: store(m,1))
# Asked for while it is open and not mapped yet.
g=made(b'between',os.O_RDWR,4); statx(b'between'); n=Mapping(g,4*P,RW); moves(b'between','mtime',lambda: store(n,0),False)
n.close(); os.close(g)
# Asked for while it was empty.
g=made(b'empty',os.O_RDWR,0); statx(b'empty'); os.ftruncate(g,4*P); n=Mapping(g,4*P,RW); moves(b'empty','mtime',lambda: store(n,0),False)
n.close(); os.truncate(b'empty',0); statx(b'empty'); os.write(g,b'x'*4*P); n=Mapping(g,4*P,RW); moves(b'empty','mtime',lambda: store(n,1),False)
n.close(); os.close(g)
# The mapping that is left when the descriptor is closed, asked for twice meanwhile.
os.close(f); moves(b'later','mtime',lambda: store(m,2)); moves(b'later','mtime',lambda: store(m,3)); m.close()
moves(b'later','mtime',lambda: os.utime(b'later',ns=(5,6)))
# One that a reader has kept beside, then one that comes of a process that is gone.
os.close(made(b'beside',os.O_RDWR,4)); r=os.open(b'beside',os.O_RDONLY); os.read(r,5); statx(b'beside')
f=os.open(b'beside',os.O_RDWR); m=Mapping(f,4*P,RW); os.close(f)
moves(b'beside','mtime',lambda: store(m,0),False); os.close(r); moves(b'beside','mtime',lambda: store(m,1)); m.close()
# Opened so that no time of access tells of the mapping.
os.close(made(b'unseen',os.O_WRONLY,4)); f=os.open(b'unseen',os.O_RDWR|os.O_NOATIME); m=Mapping(f,4*P,RW); os.close(f)
moves(b'unseen','mtime',lambda: store(m,0)); m.close()
# Holes.
os.close(made(b'hole',os.O_WRONLY,4,True)); f=os.open(b'hole',os.O_RDONLY); m=Mapping(f,4*P,mmap.PROT_READ)
moves(b'hole','blocks',lambda: load(m,1)); os.close(f); moves(b'hole','blocks',lambda: load(m,2)); m.close()
# A hole that as many blocks beyond the end make up for.
f=made(b'beyond',os.O_WRONLY,4)
if libc.fallocate(f,3,P,P)==0 and libc.fallocate(f,1,4*P,P)==0:
  os.close(f); f=os.open(b'beyond',os.O_RDONLY); m=Mapping(f,4*P,mmap.PROT_READ)
  moves(b'beyond','blocks',lambda: load(m,1)); m.close()
os.close(f)
# A write that takes setuid away: a daemon's, that sees it late, and another user's.
f=made(b'root',os.O_WRONLY,1); os.fchmod(f,0o4755); moves(b'root','mode',lambda: os.pwrite(f,b'y',0)); os.close(f)
if os.getuid()==0:
  f=made(b'setuid',os.O_WRONLY,1); os.fchmod(f,0o4755); os.fchown(f,0,1234)
  os.fchmod(f,0o4777); statx(b'setuid')
  pid=os.fork()
  if pid==0: os.setgid(1234); os.setuid(1234); g=os.open(b'setuid',os.O_WRONLY); os.write(g,b'y'); os._exit(0)
  assert os.waitpid(pid,0)[1]==0 and statx(b'setuid',0,2)['mode']&0o7777==0o777
  os.close(f)
`,
      ),

  // While the kernel takes over what somebody else has asked for, it can answer half of it: hence three looks.
  'a change is seen although others ask all the time, whose answers may be older': dir =>
    python(
      dir,
      `
${STATX}
rnd=random.Random(${SEED}); P=4096; n=b'f'; RW=mmap.PROT_READ|mmap.PROT_WRITE
def within(act,flags=os.O_WRONLY): f=os.open(n,flags); act(f); os.close(f)
within(lambda f: os.write(f,b'x'*16*P),os.O_CREAT|os.O_WRONLY)
def stored(f): m=Mapping(f,16*P,RW); m[rnd.randrange(16*P)]=1; m.flush(); m.close()
def punched(f): libc.fallocate(f,3,P*rnd.randrange(16),P); os.pwrite(f,b'z'*16*P,0)
def renamed(): os.rename(n,b'g'); os.rename(b'g',n)
def linked(): os.link(n,b'g'); os.unlink(b'g')
does=[lambda: within(stored,os.O_RDWR),lambda: within(punched),lambda: within(lambda f: os.pwrite(f,b'y'*1000,rnd.randrange(60000))),
  renamed,linked,lambda: os.chmod(n,rnd.choice([0o600,0o644])),lambda: os.setxattr(n,'user.a',b'x'),
  lambda: (os.truncate(n,P),within(lambda f: os.write(f,b'z'*16*P)))]
others=[]
for i in range(2):
  pid=os.fork()
  if pid==0:
    while os.getppid()!=1:
      for i in range(100):
        try: statx(n,0,rnd.choice(list(BITS.values())))
        except OSError: pass
    os._exit(0)
  others.append(pid)
try:
  for step in range(${STEPS}):
    rnd.choice(does)(); looks=[]
    for i in range(3): looks.append(statx(n)); time.sleep(0.0003)
    true=statx(n,SYNC)
    for k in BITS: assert k=='atime' or any(look[k]==true[k] for look in looks),(step,k,looks,true)
finally:
  for pid in others: os.kill(pid,9); os.waitpid(pid,0)
`,
    ),
};
