// What any POSIX directory does, as a map from a sentence to a function over an empty directory. Run on tmpfs, which
// says what is right, and on our mounts. What Node has no call for is done by python3 (node-gyp needs it anyway).
import { spawnSync } from 'node:child_process';
import * as fs from 'node:fs';
import { join } from 'node:path';
import * as assert from 'uvu/assert';
import { code } from '../support/thrown-code.js';
import { type Check, python } from './check.js';

export const posix: Readonly<Record<string, Check>> = {
  'echo hi > f; cat f': dir => {
    const { stdout } = spawnSync('sh', ['-c', 'echo hi > f; cat f'], { cwd: dir, encoding: 'utf8' });
    assert.is(stdout, 'hi\n');
  },

  'names are bytes: not UTF-8, 255 of them, 256 are too many': dir => {
    const odd = Buffer.concat([Buffer.from(`${dir}/`), Buffer.from([0xff, 0xfe, 0x80, 0x41])]);
    fs.writeFileSync(odd, 'x');
    assert.ok(fs.readdirSync(dir, 'buffer').some(name => name.equals(Buffer.from([0xff, 0xfe, 0x80, 0x41]))));
    assert.is(fs.readFileSync(odd, 'utf8'), 'x');
    fs.writeFileSync(join(dir, 'a'.repeat(255)), '');
    assert.is(
      code(() => fs.writeFileSync(join(dir, 'a'.repeat(256)), '')),
      'ENAMETOOLONG',
    );
    assert.is(
      code(() => fs.statSync(join(dir, 'a'.repeat(256)))),
      'ENAMETOOLONG',
    );
  },

  'rename over a file, a directory, itself; not into its own child': dir => {
    const at = (name: string) => join(dir, name);
    fs.writeFileSync(at('a'), 'a');
    fs.writeFileSync(at('b'), 'b');
    fs.renameSync(at('a'), at('b'));
    assert.is(fs.readFileSync(at('b'), 'utf8'), 'a');
    fs.mkdirSync(at('d/e'), { recursive: true });
    fs.mkdirSync(at('empty'));
    assert.is(
      code(() => fs.renameSync(at('d'), at('d/e/f'))),
      'EINVAL',
    );
    assert.is(
      code(() => fs.renameSync(at('empty'), at('d'))),
      'ENOTEMPTY',
    );
    assert.is(
      code(() => fs.renameSync(at('b'), at('d'))),
      'EISDIR',
    );
    assert.is(
      code(() => fs.renameSync(at('d'), at('b'))),
      'ENOTDIR',
    );
    const links = fs.statSync(dir).nlink;
    fs.renameSync(at('d'), at('empty'));
    assert.is(fs.statSync(dir).nlink, links - 1);
    fs.renameSync(at('empty/e'), at('up'));
    assert.is(fs.statSync(at('empty')).nlink, 2);
    assert.equal(fs.readdirSync(dir).sort(), ['b', 'empty', 'up']);
  },

  'rename with NOREPLACE and EXCHANGE': dir =>
    python(
      dir,
      `
libc=ctypes.CDLL(None,use_errno=True)
def ren(a,b,f):
  if libc.renameat2(-100,d+b'/'+a,-100,d+b'/'+b,f): raise OSError(ctypes.get_errno(),'renameat2')
open(d+b'/a','w').write('a'); open(d+b'/b','w').write('b'); os.mkdir(d+b'/d')
fails(errno.EEXIST,ren,b'a',b'b',1)
ren(b'a',b'c',1)
ren(b'c',b'b',2)
assert open(d+b'/c').read()=='b' and open(d+b'/b').read()=='a'
ren(b'd',b'b',2)
assert os.path.isdir(d+b'/b') and os.path.isfile(d+b'/d')
fails(errno.ENOENT,ren,b'd',b'none',2)
`,
    ),

  'rename with WHITEOUT leaves a device 0:0 at the old name': dir =>
    python(
      dir,
      `
libc=ctypes.CDLL(None,use_errno=True); os.chdir(d)
def ren(a,b,f):
  if libc.renameat2(-100,a,-100,b,f): raise OSError(ctypes.get_errno(),'renameat2')
os.mkdir('to'); open('a','w').write('a'); open('b','w').write('b'); os.mkdir('dir')
ren(b'a',b'to/a',4); ren(b'b',b'to/a',4); ren(b'dir',b'to/dir',4|1)
for n in ('a','b','dir'): s=os.lstat(n); assert (s.st_mode,s.st_rdev,s.st_nlink)==(stat.S_IFCHR,0,1),(n,s)
assert open('to/a').read()=='b' and os.stat('to').st_nlink==3 and os.stat('.').st_nlink==3
assert sorted(os.listdir('.'))==['a','b','dir','to']
fails(errno.EINVAL,ren,b'to/a',b'a',4|2); fails(errno.EEXIST,ren,b'to/a',b'a',4|1)
ren(b'to/a',b'a',4); assert open('a').read()=='b' and stat.S_ISCHR(os.lstat('to/a').st_mode)
`,
    ),

  'hard links: one inode, counted, alive until the last name': dir => {
    fs.writeFileSync(join(dir, 'a'), 'x');
    fs.linkSync(join(dir, 'a'), join(dir, 'b'));
    assert.is(fs.statSync(join(dir, 'a')).ino, fs.statSync(join(dir, 'b')).ino);
    assert.is(fs.statSync(join(dir, 'b')).nlink, 2);
    fs.unlinkSync(join(dir, 'a'));
    assert.is(fs.readFileSync(join(dir, 'b'), 'utf8'), 'x');
    assert.is(fs.statSync(join(dir, 'b')).nlink, 1);
    fs.mkdirSync(join(dir, 'd'));
    assert.is(
      code(() => fs.linkSync(join(dir, 'd'), join(dir, 'e'))),
      'EPERM',
    );
  },

  'symbolic links': dir => {
    fs.symlinkSync('target/of/it', join(dir, 's'));
    assert.is(fs.readlinkSync(join(dir, 's')), 'target/of/it');
    assert.is(fs.lstatSync(join(dir, 's')).size, 12);
    assert.is(
      code(() => fs.statSync(join(dir, 's'))),
      'ENOENT',
    );
    assert.is(
      code(() => fs.symlinkSync('x', join(dir, 's'))),
      'EEXIST',
    );
  },

  'directories: not empty, not a directory, link counts': dir => {
    fs.mkdirSync(join(dir, 'd/e'), { recursive: true });
    assert.is(fs.statSync(join(dir, 'd')).nlink, 3);
    assert.is(
      code(() => fs.rmdirSync(join(dir, 'd'))),
      'ENOTEMPTY',
    );
    fs.writeFileSync(join(dir, 'f'), '');
    assert.is(
      code(() => fs.rmdirSync(join(dir, 'f'))),
      'ENOTDIR',
    );
    assert.is(
      code(() => fs.unlinkSync(join(dir, 'd'))),
      'EISDIR',
    );
    assert.is(
      code(() => fs.mkdirSync(join(dir, 'f/g'))),
      'ENOTDIR',
    );
    assert.is(
      code(() => fs.mkdirSync(join(dir, 'd'))),
      'EEXIST',
    );
    fs.rmdirSync(join(dir, 'd/e'));
    assert.is(fs.statSync(join(dir, 'd')).nlink, 2);
  },

  'unlinked while open: readable and writable until the last close': dir => {
    const fd = fs.openSync(join(dir, 'f'), 'w+');
    fs.unlinkSync(join(dir, 'f'));
    fs.writeSync(fd, 'alive');
    assert.is(fs.fstatSync(fd).nlink, 0);
    const out = Buffer.alloc(5);
    fs.readSync(fd, out, 0, 5, 0);
    assert.is(out.toString(), 'alive');
    fs.ftruncateSync(fd, 2);
    assert.is(fs.fstatSync(fd).size, 2);
    fs.closeSync(fd);
  },

  'unlinked while open: no longer in its directory': dir => {
    const fd = fs.openSync(join(dir, 'f'), 'w+');
    fs.unlinkSync(join(dir, 'f'));
    const left = fs.readdirSync(dir);
    fs.closeSync(fd);
    assert.ok(left.length === 0, `left: ${left}`);
  },

  'readdir sees each of many names once, also while others are removed': dir => {
    for (let i = 0; i < 3000; i++) fs.writeFileSync(join(dir, `name-${i}`), '');
    const handle = fs.opendirSync(dir, { bufferSize: 16 });
    const seen = new Set<string>();
    for (let entry = handle.readSync(); entry !== null; entry = handle.readSync()) {
      assert.not(seen.has(entry.name));
      seen.add(entry.name);
      const number = Number(entry.name.slice(5));
      if (number % 3 === 0) fs.unlinkSync(join(dir, entry.name));
    }
    handle.closeSync();
    assert.is(seen.size, 3000);
    assert.is(fs.readdirSync(dir).length, 2000);
  },

  'telldir and seekdir come back to the same entry': dir =>
    python(
      dir,
      `
libc=ctypes.CDLL(None); libc.opendir.restype=ctypes.c_void_p; libc.readdir.restype=ctypes.c_void_p
libc.readdir.argtypes=libc.telldir.argtypes=[ctypes.c_void_p]; libc.seekdir.argtypes=[ctypes.c_void_p,ctypes.c_long]; libc.telldir.restype=ctypes.c_long
for i in range(500): open(d+b'/n%d'%i,'w')
h=libc.opendir(d)
name=lambda e: ctypes.string_at(e+19)
for i in range(200): libc.readdir(h)
at=libc.telldir(h); want=name(libc.readdir(h))
while libc.readdir(h): pass
os.unlink(d+b'/'+[n for n in os.listdir(d) if n!=want][0])
libc.seekdir(h,at)
assert name(libc.readdir(h))==want
`,
    ),

  'fallocate, holes and SEEK_DATA': dir =>
    python(
      dir,
      `
libc=ctypes.CDLL(None,use_errno=True)
def fa(f,m,o,l):
  if libc.fallocate(f,m,ctypes.c_long(o),ctypes.c_long(l)): raise OSError(ctypes.get_errno(),'fallocate')
f=os.open(d+b'/f',os.O_RDWR|os.O_CREAT)
os.pwrite(f,b'x'*16384,0); os.ftruncate(f,65536)
fa(f,3,4096,4096); assert os.pread(f,4096,4096)==bytes(4096) and os.fstat(f).st_blocks==24
assert os.lseek(f,0,os.SEEK_HOLE)==4096 and os.lseek(f,4096,os.SEEK_DATA)==8192 and os.lseek(f,16384,os.SEEK_HOLE)==16384
fails(errno.ENXIO,os.lseek,f,16384,os.SEEK_DATA); fails(errno.ENXIO,os.lseek,f,65536,os.SEEK_HOLE)
fa(f,1,65536,8192); assert os.fstat(f).st_size==65536
fa(f,0,65536,8192); assert os.fstat(f).st_size==73728 and os.fstat(f).st_blocks==40
fails(errno.EINVAL,fa,f,0,0,0)
fails(errno.EOPNOTSUPP,fa,f,2,0,4096)
`,
    ),

  'O_TMPFILE has no name until it is linked': dir =>
    python(
      dir,
      `
f=os.open(d,os.O_TMPFILE|os.O_RDWR,0o644); os.write(f,b'tmp'); assert os.listdir(d)==[] and os.fstat(f).st_nlink==0
libc=ctypes.CDLL(None); assert libc.linkat(-100,b'/proc/self/fd/%d'%f,-100,d+b'/named',0x400)==0
assert open(d+b'/named').read()=='tmp' and os.fstat(f).st_nlink==1
`,
    ),

  'O_APPEND, O_EXCL, O_TRUNC, O_DIRECTORY, O_NOFOLLOW': dir => {
    const file = join(dir, 'f');
    fs.writeFileSync(file, 'abc');
    fs.appendFileSync(file, 'def');
    assert.is(fs.readFileSync(file, 'utf8'), 'abcdef');
    assert.is(
      code(() => fs.openSync(file, 'wx')),
      'EEXIST',
    );
    fs.closeSync(fs.openSync(file, 'w'));
    assert.is(fs.statSync(file).size, 0);
    assert.is(
      code(() => fs.openSync(file, fs.constants.O_DIRECTORY)),
      'ENOTDIR',
    );
    fs.symlinkSync('f', join(dir, 's'));
    assert.is(
      code(() => fs.openSync(join(dir, 's'), fs.constants.O_NOFOLLOW)),
      'ELOOP',
    );
  },

  'two processes that append lose no record': dir => {
    const file = join(dir, 'log');
    spawnSync(
      'sh',
      [
        '-c',
        'for i in 1 2 3 4; do (j=0; while [ $j -lt 500 ]; do echo 0123456789abcde; j=$((j+1)); done >> log) & done; wait',
      ],
      { cwd: dir },
    );
    const text = fs.readFileSync(file, 'utf8');
    assert.is(text.length, 4 * 500 * 16);
    assert.ok(
      text
        .split('\n')
        .slice(0, -1)
        .every(line => line === '0123456789abcde'),
    );
  },

  'copy_file_range copies, also within a file': dir =>
    python(
      dir,
      `
a=os.open(d+b'/a',os.O_RDWR|os.O_CREAT); b=os.open(d+b'/b',os.O_RDWR|os.O_CREAT)
data=bytes(i%251 for i in range(3<<20)); os.write(a,data)
n=0
while n<len(data): n+=os.copy_file_range(a,b,len(data)-n,n,n)
assert os.pread(b,len(data)+1,0)==data
assert os.copy_file_range(a,a,4096,0,4<<20)==4096 and os.fstat(a).st_size==(4<<20)+4096
assert os.copy_file_range(a,b,10,100<<20)==0
`,
    ),

  'fifos, sockets and devices': dir => {
    spawnSync('mkfifo', [join(dir, 'p')]);
    assert.ok(fs.statSync(join(dir, 'p')).isFIFO());
    const { stdout } = spawnSync('sh', ['-c', 'cat p & echo through > p; wait'], {
      cwd: dir,
      encoding: 'utf8',
      timeout: 120_000,
    });
    assert.is(stdout, 'through\n');
    python(
      dir,
      `import socket; s=socket.socket(socket.AF_UNIX); os.chdir(d); s.bind('s'); s.listen(); assert stat.S_ISSOCK(os.stat('s').st_mode)`,
    );
    if (process.getuid?.() === 0)
      python(
        dir,
        `os.mknod(d+b'/n',stat.S_IFCHR|0o600,os.makedev(1,3)); assert os.stat(d+b'/n').st_rdev==os.makedev(1,3)`,
      );
  },

  'mapped memory and read(2) are one': dir =>
    python(
      dir,
      `
import mmap
f=os.open(d+b'/f',os.O_RDWR|os.O_CREAT); os.ftruncate(f,8192); m=mmap.mmap(f,8192)
m[100:103]=b'abc'; assert os.pread(f,3,100)==b'abc'; os.pwrite(f,b'xyz',4096); assert m[4096:4099]==b'xyz'
m.flush(); os.close(f); m[0:1]=b'q'; assert open(d+b'/f','rb').read(1)==b'q'
`,
    ),
};
