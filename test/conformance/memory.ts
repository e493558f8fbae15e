// Mappings, and the ways of reading and writing that are not read and write.
import { type Check, python } from './check.js';

export const memory: Readonly<Record<string, Check>> = {
  'private mappings are copies, read-only ones refuse stores, shared ones need a descriptor open for writing':
    dir =>
      python(
        dir,
        `
import mmap
p=d+b'/f'; f=os.open(p,os.O_RDWR|os.O_CREAT); os.write(f,b'a'*8192)
m=mmap.mmap(f,8192,mmap.MAP_PRIVATE); m[0:1]=b'z'; assert os.pread(f,1,0)==b'a'
os.pwrite(f,b'b',4096); assert m[4096:4097]==b'b', 'a page that was not copied is the file'
r=os.open(p,os.O_RDONLY)
fails(errno.EACCES,mmap.mmap,r,8192,mmap.MAP_SHARED,mmap.PROT_READ|mmap.PROT_WRITE)
q=mmap.mmap(r,8192,mmap.MAP_SHARED,mmap.PROT_READ); assert q[0:1]==b'a'
os.close(f); os.close(r); os.unlink(p); assert q[8191:8192]==b'a'
`,
      ),

  'a mapping past the end is SIGBUS, the rest of the last page is zero, and both change with the size': dir =>
    python(
      dir,
      `
import mmap,signal
f=os.open(d+b'/f',os.O_RDWR|os.O_CREAT); os.ftruncate(f,5000)
m=mmap.mmap(f,5000)
base=ctypes.addressof(ctypes.c_char.from_buffer(m))
def dies(at):
  pid=os.fork()
  if pid==0:
    ctypes.string_at(at,1); os._exit(0)
  return os.WTERMSIG(os.waitpid(pid,0)[1])==signal.SIGBUS
assert ctypes.string_at(base+5000,100)==b'\\0'*100
os.ftruncate(f,4096); assert dies(base+4096); assert not dies(base+4095)
os.ftruncate(f,5000); assert not dies(base+4999)
os.pwrite(f,b'x'*5000,0); os.ftruncate(f,4100); os.ftruncate(f,5000); assert ctypes.string_at(base+4100,900)==b'\\0'*900
`,
    ),

  'msync, mremap, madvise(DONTNEED) and fork keep a shared mapping the file': dir =>
    python(
      dir,
      `
import mmap
f=os.open(d+b'/f',os.O_RDWR|os.O_CREAT); os.ftruncate(f,1<<20); m=mmap.mmap(f,1<<20)
m[0:5]=b'hello'; m.flush()
m.madvise(mmap.MADV_DONTNEED); assert m[0:5]==b'hello'
if os.fork()==0:
  m[4096:4101]=b'child'; os._exit(0)
os.wait(); assert os.pread(f,5,4096)==b'child'
os.ftruncate(f,2<<20); m.resize(2<<20); m[(2<<20)-1:2<<20]=b'e'; assert os.pread(f,1,(2<<20)-1)==b'e'
`,
    ),

  'O_DIRECT reads what was written and mapped, and writes what they read': dir =>
    python(
      dir,
      `
import mmap
p=d+b'/f'; f=os.open(p,os.O_RDWR|os.O_CREAT); os.write(f,os.urandom(65536)); want=os.pread(f,65536,0)
try: g=os.open(p,os.O_RDWR|os.O_DIRECT)
except OSError as x:
  assert x.errno==errno.EINVAL; g=os.open(p,os.O_RDWR)
b=mmap.mmap(-1,16384)
assert os.preadv(g,[b],8192)==16384 and b[:]==want[8192:24576]
m=mmap.mmap(f,65536); m[0:4]=b'map!'; assert os.preadv(g,[b],0)==16384 and b[0:4]==b'map!'
b[0:5]=b'dio!!'; assert os.pwritev(g,[b],16384)==16384 and os.pread(f,5,16384)==b'dio!!' and m[16384:16389]==b'dio!!'
`,
    ),

  'splice, sendfile, tee and vmsplice carry the bytes': dir =>
    python(
      dir,
      `
libc=ctypes.CDLL(None,use_errno=True)
a=os.open(d+b'/a',os.O_RDWR|os.O_CREAT); b=os.open(d+b'/b',os.O_RDWR|os.O_CREAT)
want=os.urandom(300000); os.write(a,want)
os.lseek(a,0,0); left=len(want)
while left: left-=os.sendfile(b,a,None,left)
assert os.pread(b,400000,0)==want
os.ftruncate(b,0); os.lseek(a,0,0); os.lseek(b,0,0); r,w=os.pipe(); left=len(want)
while left:
  n=libc.splice(a,None,w,None,65536,0); assert n>0
  while n:
    k=libc.splice(r,None,b,None,n,0); assert k>0; n-=k; left-=k
assert os.pread(b,400000,0)==want
`,
    ),

  'readv, writev, preadv2 and RWF_APPEND': dir =>
    python(
      dir,
      `
f=os.open(d+b'/f',os.O_RDWR|os.O_CREAT)
assert os.writev(f,[b'one ',b'',b'two'])==7
x,y=bytearray(3),bytearray(9); os.lseek(f,0,0); assert os.readv(f,[x,y])==7 and bytes(x+y[:4])==b'one two'
assert os.pwritev(f,[b'!'],0,os.RWF_APPEND)==1 and os.pread(f,9,0)==b'one two!'
assert os.pread(f,9,100)==b''
os.pwrite(f,b'far',1<<20); assert os.pread(f,4,(1<<20)-1)==b'\\0far'
fails(errno.EINVAL,os.lseek,f,-1,0); fails(errno.EINVAL,os.pread,f,1,-1)
fails(errno.EBADF,os.write,os.open(d+b'/f',os.O_RDONLY),b'x'); fails(errno.EBADF,os.read,os.open(d+b'/f',os.O_WRONLY),1)
`,
    ),

  'a file can be executed, and is busy for writers while it runs': dir =>
    python(
      dir,
      `
import shutil,subprocess
p=d+b'/sleep'; shutil.copy(b'/bin/sleep',p)
c=subprocess.Popen([p,'30'])
fails(errno.ETXTBSY,os.open,p,os.O_WRONLY)
c.kill(); c.wait()
os.close(os.open(p,os.O_WRONLY))
os.chmod(p,0o644); fails(errno.EACCES,subprocess.run,[p,'0'])
`,
    ),
};
