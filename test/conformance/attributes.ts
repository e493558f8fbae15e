// What is known of a file beside its data: modes and owners, times, extended attributes, sizes.
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { type Check, python } from './check.js';

export const attributes: Readonly<Record<string, Check>> = {
  'modes, owners, and the bits that are cleared': dir => {
    const file = join(dir, 'f');
    fs.writeFileSync(file, '');
    fs.chmodSync(file, 0o6755);
    assert.is(fs.statSync(file).mode & 0o7777, 0o6755);
    if (process.getuid?.() !== 0) return;
    fs.chownSync(file, 1234, 4321);
    assert.is(fs.statSync(file).uid, 1234);
    assert.is(fs.statSync(file).gid, 4321);
    assert.is(fs.statSync(file).mode & 0o6000, 0, 'chown clears setuid and setgid');
    fs.mkdirSync(join(dir, 'g'));
    fs.chownSync(join(dir, 'g'), 0, 77);
    fs.chmodSync(join(dir, 'g'), 0o2777);
    fs.mkdirSync(join(dir, 'g/h'));
    fs.writeFileSync(join(dir, 'g/i'), '');
    assert.is(fs.statSync(join(dir, 'g/h')).gid, 77);
    assert.ok(fs.statSync(join(dir, 'g/h')).mode & 0o2000);
    assert.is(fs.statSync(join(dir, 'g/i')).gid, 77);
    assert.not(fs.statSync(join(dir, 'g/i')).mode & 0o2000);
  },

  'permissions are kept from other users': dir => {
    if (process.getuid?.() !== 0) return;
    fs.chmodSync(dir, 0o755);
    fs.writeFileSync(join(dir, 'f'), 'secret', { mode: 0o600 });
    const { status } = spawnSync('sh', ['-c', `cat ${dir}/f || echo > ${dir}/g`], { uid: 1000, gid: 1000 });
    assert.is.not(status, 0);
    fs.chmodSync(dir, 0o1777);
    const sticky = spawnSync('rm', ['-f', `${dir}/f`], { uid: 1000, gid: 1000 });
    assert.is.not(sticky.status, 0);
    fs.writeFileSync(join(dir, 's'), 'x');
    fs.chmodSync(join(dir, 's'), 0o4666);
    spawnSync('sh', ['-c', `echo y >> ${dir}/s`], { uid: 1000, gid: 1000 });
    assert.is(fs.readFileSync(join(dir, 's'), 'utf8'), 'xy\n');
    assert.not(fs.statSync(join(dir, 's')).mode & 0o4000, 'a write by another clears setuid');
    fs.chownSync(join(dir, 's'), 0, 1000);
    fs.chmodSync(join(dir, 's'), 0o2666);
    spawnSync('sh', ['-c', `echo z >> ${dir}/s`], { uid: 1000, gid: 1000 });
    const { mode, mtimeNs, ctimeNs } = fs.statSync(join(dir, 's'), { bigint: true });
    assert.is(mode & 0o2000n, 0o2000n, 'a write by its group keeps setgid where that may not execute');
    assert.is(mtimeNs, ctimeNs);
  },

  'what another user makes is theirs: files, directories, links, fifos; they may change it': dir =>
    python(
      dir,
      `
if os.getuid()==0:
  os.chmod(d,0o777); os.chdir(d)
  pid=os.fork()
  if pid==0:
    os.setgid(4321); os.setuid(1234)
    open('f','w').close(); os.mkdir('d'); os.symlink('f','l'); os.mkfifo('p')
    os.chmod('f',0o600); os.link('f','h'); os.chmod('d',0o500); os._exit(0)
  assert os.waitpid(pid,0)[1]==0, 'its own files are refused to it'
  for n in 'fdlph': s=os.lstat(n); assert (s.st_uid,s.st_gid)==(1234,4321),(n,s.st_uid,s.st_gid)
`,
    ),

  'times before 1970 and after 2106, in nanoseconds': dir =>
    python(
      dir,
      `
p=d+b'/f'; open(p,'w').write('x')
for a,m in ((-1_500_000_001,-86400*10**9-1),(123456789,4302444800*10**9+7)):
  os.utime(p,ns=(a,m)); s=os.stat(p); assert (s.st_atime_ns,s.st_mtime_ns)==(a,m),(s.st_atime_ns,s.st_mtime_ns)
`,
    ),

  'times: each alone by OMIT, both by NOW, of a symbolic link itself': dir =>
    python(
      dir,
      `
p=d+b'/f'; open(p,'w').write('x'); os.symlink('f',d+b'/l')
libc=ctypes.CDLL(None,use_errno=True)
NOW,OMIT=(1<<30)-1,(1<<30)-2
def set(p,a,an,m,mn,flags=0): assert libc.utimensat(-100,p,(ctypes.c_long*4)(a,an,m,mn),flags)==0
def seen(p): s=os.lstat(p); return s.st_atime_ns//10**9,s.st_mtime_ns//10**9
set(p,1000,0,2000,0); assert seen(p)==(1000,2000),seen(p)
set(p,0,OMIT,5,6); assert os.stat(p).st_mtime_ns==5*10**9+6 and seen(p)[0]==1000
set(p,7,0,0,OMIT); assert seen(p)==(7,5)
set(d+b'/l',8,0,9,0,0x100); assert seen(d+b'/l')==(8,9) and seen(p)==(7,5)
set(p,0,NOW,0,NOW); assert min(seen(p))>1_000_000_000
`,
    ),

  'a write, a chmod, a truncate and an unlink move the times that are theirs': dir =>
    python(
      dir,
      `
import time
p=d+b'/f'; open(p,'w').write('x'); s=os.stat(p); c=s.st_ctime_ns; time.sleep(0.02)
f=open(p,'r+b',buffering=0); f.write(b'y'); s=os.stat(p)
assert s.st_mtime_ns>c and s.st_ctime_ns>c, 'a write moves mtime and ctime'
m=s.st_mtime_ns; time.sleep(0.02); os.chmod(p,0o600); s=os.stat(p)
assert s.st_mtime_ns==m and s.st_ctime_ns>m
time.sleep(0.02); os.truncate(p,0); s=os.stat(p); assert s.st_mtime_ns>m
m=os.stat(d).st_mtime_ns; time.sleep(0.02); os.unlink(p); assert os.stat(d).st_mtime_ns>m
`,
    ),

  'a change moves the mtime however soon after it was set': dir =>
    python(
      dir,
      `
import mmap
p=d+b'/f'; q=d+b'/g'; open(q,'w').write('data')
def moves(change):
  for i in range(20):
    f=os.open(p,os.O_RDWR|os.O_CREAT); g=os.open(q,os.O_RDONLY); os.pwrite(f,b'x'*4096,0); m=mmap.mmap(f,4096)
    os.utime(f,ns=(10**12,10**12)); change(f,g,m)
    assert os.fstat(f).st_mtime_ns>10**13,(i,os.fstat(f).st_mtime_ns)
    os.close(f); os.close(g); m.close()
moves(lambda f,g,m: os.pwrite(f,b'y',0))
moves(lambda f,g,m: os.copy_file_range(g,f,4,0,0))
moves(lambda f,g,m: os.ftruncate(f,8192))
def store(f,g,m): m[5]=7; m.flush()
moves(store)
`,
    ),

  'xattrs: create, replace, list, remove, too small, none': dir =>
    python(
      dir,
      `
p=d+b'/f'; open(p,'w')
for n in ('user.','trusted.','security.'):
  fails(errno.EINVAL,os.setxattr,p,n,b'1'); fails(errno.EINVAL,os.getxattr,p,n); fails(errno.EINVAL,os.removexattr,p,n)
os.setxattr(p,'user.a',b'1',os.XATTR_CREATE)
fails(errno.EEXIST,os.setxattr,p,'user.a',b'2',os.XATTR_CREATE)
fails(errno.ENODATA,os.setxattr,p,'user.b',b'2',os.XATTR_REPLACE)
os.setxattr(p,'user.a',b'22',os.XATTR_REPLACE)
assert os.getxattr(p,'user.a')==b'22'
os.setxattr(p,b'user.\\xff',b'')
assert set(map(os.fsencode,os.listxattr(p)))=={b'user.a',b'user.\\xff'}
libc=ctypes.CDLL(None,use_errno=True)
b=ctypes.create_string_buffer(1)
assert libc.getxattr(p,b'user.a',b,1)==-1 and ctypes.get_errno()==errno.ERANGE
assert libc.getxattr(p,b'user.a',None,0)==2
os.removexattr(p,'user.a')
fails(errno.ENODATA,os.getxattr,p,'user.a')
fails(errno.ENODATA,os.removexattr,p,'user.a')
fails(errno.E2BIG,os.setxattr,p,'user.big',b'x'*65537)
os.setxattr(p,'user.big',b'x'*65536); assert len(os.getxattr(p,'user.big'))==65536
fails(errno.EOPNOTSUPP,os.setxattr,p,'nonsense.a',b'1')
if os.getuid()==0: os.setxattr(p,'trusted.t',b'1'); assert os.getxattr(p,'trusted.t')==b'1'
`,
    ),

  'statfs and sizes far out': dir =>
    python(
      dir,
      `
v=os.statvfs(d); assert v.f_bsize==4096 and 0<v.f_bfree<=v.f_blocks and v.f_namemax==255
f=os.open(d+b'/f',os.O_RDWR|os.O_CREAT); os.ftruncate(f,1<<42); os.pwrite(f,b'x',(1<<42)-1)
assert os.fstat(f).st_blocks==8 and os.pread(f,1,(1<<42)-1)==b'x'
`,
    ),
};
