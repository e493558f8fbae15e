// What takes minutes: great numbers, and the programs of others that live on a file system. As in test/conformance, a map
// from a sentence to a function over an empty directory, run on tmpfs and on each store. Nothing is fetched.
import { type Check, python } from '../conformance/check.js';
import { type Program, programs } from './programs.js';
import { requests } from './requests.js';
import { shell } from './shell.js';
import { othersSuites } from './suites.js';

const own: Record<string, Check> = {
  'a million files in one directory: each is listed once, found, and removed': dir =>
    python(
      dir,
      `
n=1_000_000
at=os.open(d,os.O_RDONLY)
for i in range(n): os.close(os.open(b'%d'%i,os.O_CREAT|os.O_EXCL|os.O_WRONLY,0o644,dir_fd=at))
seen=bytearray(n); count=0
with os.scandir(d) as entries:
  for e in entries: i=int(e.name); assert not seen[i]; seen[i]=1; count+=1
assert count==n
for i in range(0,n,97): assert stat.S_ISREG(os.stat(b'%d'%i,dir_fd=at).st_mode)
fails(errno.ENOENT,os.stat,b'%d'%n,dir_fd=at)
for i in range(n): os.unlink(b'%d'%i,dir_fd=at)
assert os.listdir(d)==[]
`,
    ),

  'a hundred thousand directories, each in the one before': dir =>
    python(
      dir,
      `
os.chdir(d); n=100_000
for i in range(n): os.mkdir('x'); os.chdir('x')
open('bottom','w').write('here'); assert open('bottom').read()=='here'; os.unlink('bottom')
for i in range(n): os.chdir('..'); os.rmdir('x')
assert os.listdir(d)==[]
`,
    ),

  'a hundred thousand open descriptions at once, of a thousand files': dir =>
    python(
      dir,
      `
import resource
hard=resource.getrlimit(resource.RLIMIT_NOFILE)[1]; resource.setrlimit(resource.RLIMIT_NOFILE,(hard,hard))
share=min(hard,20_100)-100; processes=-(-100_000//share)
for i in range(1000): open(d+b'/%d'%i,'w').write(str(i))
opened=os.pipe(); unlinked=os.pipe(); pids=[]
for k in range(processes):
  pid=os.fork()
  if pid==0:
    os.close(unlinked[1]); fds=[os.open(d+b'/%d'%(i%1000),os.O_RDWR) for i in range(share)]
    os.write(opened[1],b'.'); assert os.read(unlinked[0],1)==b''
    for i in range(0,share,37): assert os.pread(fds[i],8,0)==b'%d'%(i%1000)
    os._exit(0)
  pids.append(pid)
os.close(opened[1]); os.close(unlinked[0])
for k in range(processes): assert os.read(opened[0],1)==b'.'
for i in range(1000): os.unlink(d+b'/%d'%i)
os.close(unlinked[1])
for pid in pids: assert os.waitpid(pid,0)[1]==0
assert os.listdir(d)==[]
`,
    ),

  'a tree copied by tar and by cp is the same: contents, modes, links, times': dir =>
    shell(
      dir,
      `
tar -C "$TREE" -cf - . | (mkdir a; tar -C a -xpf -)
cp -a "$TREE" b
diff -r --no-dereference "$TREE" a
# GNU tar's own format keeps whole seconds.
list() { (cd "$1"; find . ! -type d -printf "%P %y %m %s %l $2\\n" | sort | sha256sum); }
echo as tar has it; [ "$(list "$TREE" %Ts)" = "$(list a %Ts)" ]
echo as cp has it; [ "$(list "$TREE" %T@)" = "$(list b %T@)" ]
rm -r a b
`,
    ),

  'git: a repository of the tree is committed, cloned, repacked and without a fault': dir =>
    shell(
      dir,
      `
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
cp -r "$TREE" work; find work -name .git -prune -exec rm -rf {} +
git init -q work; cd work
git add -f . 2>/dev/null; git -c user.name=n -c user.email=e commit -qm tree; git gc -q
git clone -q --no-local . ../clone; cd ../clone
git fsck --full --strict; git status --porcelain | (! grep .)
[ "$(git rev-parse HEAD^{tree})" = "$(git -C ../work rev-parse HEAD^{tree})" ]
`,
    ),

  'SQLite with a write-ahead log: four writers and a reader lose nothing, nor when one is killed': dir =>
    python(
      dir,
      `
import sqlite3,signal,time
p=os.fsdecode(d)+'/db'
c=sqlite3.connect(p); assert c.execute('pragma journal_mode=wal').fetchone()[0]=='wal'
c.execute('create table t(who,n)'); c.commit(); c.close()
rows=2000; writers=[]
for who in range(5):
  pid=os.fork()
  if pid==0:
    c=sqlite3.connect(p,timeout=300)
    for n in range(rows if who<4 else 10**9):
      with c: c.execute('insert into t values(?,?)',(who,n))
    os._exit(0)
  writers.append(pid)
c=sqlite3.connect(p,timeout=300)
while c.execute('select count(*) from t where who=4').fetchone()[0]<100: time.sleep(0.01)
os.kill(writers[4],signal.SIGKILL)
for pid in writers: os.waitpid(pid,0)
assert c.execute('select who,count(*) from t where who<4 group by who').fetchall()==[(w,rows) for w in range(4)]
a,b=c.execute('select count(*),max(n)+1 from t where who=4').fetchone(); assert a==b>=100
assert c.execute('pragma integrity_check').fetchone()[0]=='ok'
`,
    ),
};

export const checks: Readonly<Record<string, Check | Program>> = {
  ...own,
  ...requests,
  ...programs,
  ...othersSuites,
};
