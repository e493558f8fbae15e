// Ten million requests of every kind: the daemon's memory is flat after them.
import { type Check, python } from '../conformance/check.js';

/**
 * Bytes by which the most that the daemon had in the last two fifths of the run may be above the most of the two fifths
 * before (the first fifth warms up): what a garbage collector is late by, and a tenth of a word a request.
 */
const SLACK = 16 << 20;

export const requests: Readonly<Record<string, Check>> = {
  'ten million requests of every kind: memory stays flat': dir =>
    python(
      dir,
      `
import time
top=os.path.dirname(d); stats=top+b'/.leasefs/stats'; ours=os.path.exists(stats)
total=int(os.environ.get('REQUESTS','10000000'))
def read(): return dict(l.split(' ',1) for l in open(stats).read().splitlines()) if ours else {}
def count(): return sum(int(v) for k,v in read().items() if k.startswith('requests.')) if ours else rounds*40
rounds=0; pid=read().get('pid')
def memory(): return {k[:-1]:int(v)<<10 for k,v,*_ in (l.split() for l in open('/proc/'+pid+'/status') if l.startswith(('VmRSS','RssAnon')))}
LEASE=lambda kind: struct.pack('=IIIiQQI5I',1,kind,0,0,0,0,0,0,0,0,0,0)
SETLEASE,PIN,UNPIN=0xc0385980,0xc0385982,0xc0205983
os.chdir(d); page=b'x'*4096; os.mkdir('dir')
for i in range(20): os.close(os.open('dir/%d'%i,os.O_CREAT))
kept=os.open('kept',os.O_CREAT|os.O_RDWR); os.write(kept,page*16)
def everything():
  f=os.open('a',os.O_CREAT|os.O_EXCL|os.O_RDWR); os.write(f,page); os.pwrite(f,page,8192); os.pread(f,4096,0); os.lseek(f,0,os.SEEK_HOLE)
  os.ftruncate(f,5000); os.posix_fallocate(f,0,12288); os.fsync(f); os.fchmod(f,0o600); os.utime(f,(1,2))
  os.setxattr(f,'user.a',page); os.getxattr(f,'user.a'); os.listxattr(f); os.removexattr(f,'user.a')
  if ours:
    fcntl.ioctl(f,SETLEASE,LEASE(48)); p=fcntl.ioctl(f,PIN,struct.pack('=IIQQQQQQ',1,0,0,4096,0,0,0,0))
    fcntl.ioctl(f,UNPIN,struct.pack('=IIQI3I',1,0,struct.unpack_from('=Q',p,32)[0],0,0,0,0)); fcntl.ioctl(f,SETLEASE,LEASE(2))
  os.link('a','b'); os.rename('b','c'); os.rename('c','a2'); os.replace('a2','a'); os.symlink('a','s'); os.readlink('s'); os.unlink('s')
  os.mkdir('m'); os.rmdir('m'); os.mkfifo('p'); os.unlink('p'); os.listdir('dir'); list(os.scandir('.')); os.statvfs('.')
  t=os.open('.',os.O_TMPFILE|os.O_RDWR); os.write(t,page); os.close(t)
  os.copy_file_range(kept,f,8192,0,4096); os.unlink('a'); os.fstat(f); os.close(f)
  for i in range(5):
    os.fstat(kept); os.pread(kept,4096,4096*i); os.pwrite(kept,page,4096*i); os.stat('dir/%d'%i); os.access('dir/none',0); os.close(os.open('dir/%d'%i,os.O_RDONLY))
samples=[]; done=count(); first=done; began=time.monotonic()
while done<first+total:
  for i in range(200): everything(); rounds+=1
  done=count()
  if ours: samples.append((done-first,memory()))
took=time.monotonic()-began
if ours:
  of=lambda a,b,k: [m[k] for n,m in samples if a*total<=n<b*total]
  x=[n for n,m in samples if n>=total/5]; y=[m['RssAnon'] for n,m in samples if n>=total/5]; mx=sum(x)/len(x); my=sum(y)/len(y)
  slope=sum((a-mx)*(b-my) for a,b in zip(x,y))/(sum((a-mx)**2 for a in x) or 1)
  print('%d requests in %.0f s, RssAnon %.1f MiB after a fifth, %.1f at the end, slope %.3f bytes a request'%(done-first,took,y[0]/2**20,y[-1]/2**20,slope))
  for k in ('VmRSS','RssAnon'):
    early,late=max(of(0.2,0.6,k)),max(of(0.6,9,k)); assert late<=early+${SLACK},(k,early,late,slope)
`,
    ),
};
