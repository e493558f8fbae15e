// Locks: flock, fcntl's of a process and of an open file description. All of them are the kernel's own.
import { type Check, python } from './check.js';

export const locks: Readonly<Record<string, Check>> = {
  'fcntl locks: conflicts, ranges, who holds them, gone with any close of the process': dir =>
    python(
      dir,
      `
p=d+b'/f'; f=os.open(p,os.O_RDWR|os.O_CREAT)
fcntl.lockf(f,fcntl.LOCK_EX,10,0)
def child(act):
  pid=os.fork()
  if pid==0:
    try: act(); os._exit(0)
    except BaseException as x:
      print(x,flush=True); os._exit(1)
  return pid
def other():
  g=os.open(p,os.O_RDWR)
  try: fcntl.lockf(g,fcntl.LOCK_SH|fcntl.LOCK_NB,5,5); assert False
  except BlockingIOError: pass
  fcntl.lockf(g,fcntl.LOCK_EX|fcntl.LOCK_NB,5,10)
  l=struct.pack('hhqqi4x',fcntl.F_WRLCK,0,0,5,0); t,_,s,n,pid=struct.unpack('hhqqi4x',fcntl.fcntl(g,fcntl.F_GETLK,l))
  assert (t,s,n,pid)==(fcntl.F_WRLCK,0,10,os.getppid()),(t,s,n,pid)
assert os.waitpid(child(other),0)[1]==0
os.close(os.open(p,os.O_RDONLY))
def free():
  fcntl.lockf(os.open(p,os.O_RDWR),fcntl.LOCK_EX|fcntl.LOCK_NB)
assert os.waitpid(child(free),0)[1]==0
`,
    ),

  'a lock that is waited for comes when it is free, and the wait can be interrupted': dir =>
    python(
      dir,
      `
import signal,time,threading
p=d+b'/f'; f=os.open(p,os.O_RDWR|os.O_CREAT)
for take,drop in ((lambda g:fcntl.lockf(g,fcntl.LOCK_EX),lambda g:fcntl.lockf(g,fcntl.LOCK_UN)),(lambda g:fcntl.flock(g,fcntl.LOCK_EX),lambda g:fcntl.flock(g,fcntl.LOCK_UN))):
  take(f); r,w=os.pipe(); pid=os.fork()
  if pid==0:
    class Stop(Exception): pass
    def stop(*a): raise Stop()
    signal.signal(signal.SIGALRM,stop); g=os.open(p,os.O_RDWR); signal.setitimer(signal.ITIMER_REAL,0.2)
    try: take(g); os._exit(1)
    except Stop: pass
    os.write(w,b'x'); take(g); os._exit(0)
  assert os.read(r,1)==b'x'; time.sleep(0.05); drop(f); assert os.waitpid(pid,0)[1]==0
`,
    ),

  'locks of an open file description: shared by fork, apart between opens, gone with the last close': dir =>
    python(
      dir,
      `
p=d+b'/f'; f=os.open(p,os.O_RDWR|os.O_CREAT); g=os.open(p,os.O_RDWR)
F_OFD_SETLK=37
def lock(h,t): fcntl.fcntl(h,F_OFD_SETLK,struct.pack('hhqqi4x',t,0,0,0,0))
lock(f,fcntl.F_WRLCK); fails(errno.EAGAIN,lock,g,fcntl.F_RDLCK)
pid=os.fork()
if pid==0: lock(f,fcntl.F_WRLCK); os._exit(0)
assert os.waitpid(pid,0)[1]==0
h=os.dup(f); os.close(f); fails(errno.EAGAIN,lock,g,fcntl.F_RDLCK); os.close(h); lock(g,fcntl.F_WRLCK)
`,
    ),

  'flock: shared, exclusive, converted, apart from fcntl locks': dir =>
    python(
      dir,
      `
p=d+b'/f'; f=os.open(p,os.O_RDWR|os.O_CREAT); g=os.open(p,os.O_RDWR)
fcntl.flock(f,fcntl.LOCK_SH); fcntl.flock(g,fcntl.LOCK_SH); fails(errno.EAGAIN,fcntl.flock,f,fcntl.LOCK_EX|fcntl.LOCK_NB)
fcntl.flock(g,fcntl.LOCK_UN); fcntl.flock(f,fcntl.LOCK_EX|fcntl.LOCK_NB); fcntl.lockf(g,fcntl.LOCK_EX|fcntl.LOCK_NB)
os.close(f); fcntl.flock(g,fcntl.LOCK_EX|fcntl.LOCK_NB)
`,
    ),

  'the leases of fcntl that are no layout leases': dir =>
    python(
      dir,
      `
import signal
signal.signal(signal.SIGIO,signal.SIG_IGN)
p=d+b'/f'; f=os.open(p,os.O_RDWR|os.O_CREAT); r=os.open(p,os.O_RDONLY)
fails(errno.EAGAIN,fcntl.fcntl,f,fcntl.F_SETLEASE,fcntl.F_WRLCK)
assert fcntl.fcntl(f,fcntl.F_GETLEASE)==fcntl.F_UNLCK
`,
    ),
};
