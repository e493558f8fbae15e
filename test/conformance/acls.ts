// POSIX ACLs, by their xattrs: who is let in by them, how lists and mode bits follow each other, what new files get.
import { type Check, python } from './check.js';

const acls = (dir: string, script: string): string =>
  python(
    dir,
    `
A,D='system.posix_acl_access','system.posix_acl_default'
UO,U,GO,G,M,O=1,2,4,8,16,32
def acl(*entries): return struct.pack('=I',2)+b''.join(struct.pack('=HHI',t,p,i) for t,p,i in (e if len(e)==3 else (*e,0xffffffff) for e in entries))
def perms(path,name=A): v=os.getxattr(path,name); return [(t,p) for t,p,i in struct.iter_unpack('=HHI',v[4:])]
def mode(path): return stat.S_IMODE(os.lstat(path).st_mode)
def touch(path,m=0o666): os.close(os.open(path,os.O_CREAT|os.O_EXCL|os.O_RDWR,m))
def user(uid,groups,act):
  pid=os.fork()
  if pid==0:
    os.setgroups(groups); os.setgid(uid); os.setuid(uid)
    act(); os._exit(0)
  assert os.waitpid(pid,0)[1]==0
def reads(path): return lambda: os.close(os.open(path,os.O_RDONLY))
def refused(path): return lambda: fails(errno.EACCES,os.open,path,os.O_RDONLY)
os.chdir(d); os.chmod('.',0o777); os.umask(0o022)
${script}`,
  );

export const aclChecks: Readonly<Record<string, Check>> = {
  'an access ACL lets in whom it names, under its mask, which chmod sets': dir =>
    acls(
      dir,
      `
touch('f',0o600); os.setxattr('f',A,acl((UO,6),(U,4,1234),(GO,0),(G,4,77),(M,4),(O,0)))
assert mode('f')==0o640 and perms('f')==[(UO,6),(U,4),(GO,0),(G,4),(M,4),(O,0)],perms('f')
assert A in os.listxattr('f')
if os.getuid()==0:
  user(1234,[],reads('f')); user(1235,[],refused('f')); user(1235,[77],reads('f'))
os.chmod('f',0o614); assert perms('f')==[(UO,6),(U,4),(GO,0),(G,4),(M,1),(O,4)]
if os.getuid()==0: user(1234,[],refused('f')); user(1235,[77],refused('f')); user(1235,[],reads('f'))
os.removexattr('f',A); assert mode('f')==0o614; fails(errno.ENODATA,os.getxattr,'f',A); os.removexattr('f',A)
assert os.listxattr('f')==[]
`,
    ),

  'an access ACL that says no more than mode bits is kept in them alone': dir =>
    acls(
      dir,
      `
touch('f'); os.chmod('f',0o4711); os.setxattr('f',A,acl((UO,6),(U,7,5),(GO,5),(M,7),(O,4))); assert mode('f')==0o4674
os.setxattr('f',A,acl((UO,6),(GO,4),(O,0))); assert mode('f')==0o4640; fails(errno.ENODATA,os.getxattr,'f',A)
c=os.stat('f').st_ctime_ns; os.setxattr('f',A,acl((UO,6),(GO,4),(O,0))); assert os.stat('f').st_ctime_ns>=c
for bad in (acl((UO,6),(GO,4)),acl((UO,6),(U,7,5),(GO,5),(O,4)),acl((UO,6),(GO,9),(O,0)),b'\\1\\0\\0\\0'): fails(errno.EOPNOTSUPP if bad[0]==1 else errno.EINVAL,os.setxattr,'f',A,bad)
assert mode('f')==0o4640
`,
    ),

  'what is made below a default ACL gets it in place of the umask': dir =>
    acls(
      dir,
      `
touch('f'); fails(errno.EACCES,os.setxattr,'f',D,acl((UO,7),(GO,5),(O,0)))
os.mkdir('top',0o700); os.setxattr('top',D,acl((UO,7),(U,7,1234),(GO,5),(M,7),(O,1))); assert mode('top')==0o700
os.umask(0o777); os.chdir('top'); touch('f',0o664); os.mkdir('m',0o750); os.mkfifo('p',0o600); os.symlink('f','l')
t=os.open('.',os.O_TMPFILE|os.O_RDWR,0o606)
assert mode('f')==0o660 and perms('f')==[(UO,6),(U,7),(GO,5),(M,6),(O,0)],(oct(mode('f')),perms('f'))
assert mode('m')==0o750 and perms('m')==[(UO,7),(U,7),(GO,5),(M,5),(O,0)] and os.getxattr('m',D)==os.getxattr('.',D)
assert mode('p')==0o600 and stat.S_IMODE(os.fstat(t).st_mode)==0o600 and perms(t)[4]==(O,0)
assert mode('l')==0o777; fails(errno.ENODATA,os.getxattr,'f',D)
touch('m/deep',0o777); assert mode('m/deep')==0o771 and perms('m/deep')[3]==(M,7)
os.setxattr('.',D,acl((UO,7),(GO,1),(O,0))); touch('alone',0o666); assert mode('alone')==0o600; fails(errno.ENODATA,os.getxattr,'alone',A)
os.removexattr('.',D); touch('masked',0o666); assert mode('masked')==0
`,
    ),

  'an ACL set by somebody outside of the group takes the setgid bit': dir =>
    acls(
      dir,
      `
if os.getuid()==0:
  new=acl((UO,7),(U,7,5),(GO,7),(M,7),(O,5))
  for n,gid,groups,kept in ((b'out',77,[],0),(b'in',77,[77],0o2000),(b'own',1000,[],0o2000)):
    touch(n); os.chown(n,1000,gid); os.chmod(n,0o2775); user(1000,groups,lambda: os.setxattr(n,A,new)); assert mode(n)==0o775|kept,(n,oct(mode(n)))
  touch('root'); os.chown('root',1000,77); os.chmod('root',0o2775); os.setxattr('root',A,new); assert mode('root')==0o2775
`,
    ),
};
