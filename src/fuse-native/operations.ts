// The package's operations, each one translated: path to inode, text to bytes, ms to seconds and nanoseconds.
//
// What the package does not carry: the caller (a new file belongs to the user who mounted), open(2)'s flags at create, the
// modification time of utimens (it passes the access time twice), fallocate, ioctl, lseek, poll.

import { errno } from '../base/errno.js';
import { Gather } from '../base/gather.js';
import { O_RDONLY, O_RDWR, PATH_MAX } from '../base/linux.js';
import { BLOCK, type FileHandle, type InodeNumber, MAX_OFFSET, type Name } from '../base/units.js';
import {
  type Answer,
  Attr,
  type Caller,
  type DirSink,
  Opened,
  type Operations,
  SET_ATIME,
  SET_GID,
  SET_MODE,
  SET_MTIME,
  SET_SIZE,
  SET_UID,
  SetAttr,
  StatFs,
} from '../fs/operations.js';
import { isAclName } from '../fs/vfs/acl.js';
import { CONTROL_XATTR } from './control-socket.js';
import type { Done, NativeOperations, NativeStat } from './package.js';
import { nameOf, Paths, textOf } from './paths.js';

/** chown(2): leave it as it is. */
const KEEP = 0xffff_ffff;
const XATTR_MAX = 65_536;
/** Times before 1970 come as this and more. */
const NEGATIVE = 2 ** 63;

/** What the operations need of their session. */
interface NativeContext {
  /** The caller of every operation. */
  readonly caller: Caller;
  /** Runs an operation that may wait for a lease break; `done` is called with its answer. */
  readonly run: (operation: () => Answer, done: (answer: Answer) => void) => void;
  /** Where the control socket is, and what names the file there. */
  readonly control: (ino: InodeNumber) => string;
}

export function nativeOperations(
  operations: Operations,
  { caller, run, control }: NativeContext,
): NativeOperations {
  const paths = new Paths(operations, caller);
  const attr = new Attr();
  const opened = new Opened();
  const set = new SetAttr();
  const gather = new Gather();
  const text = new Uint8Array(PATH_MAX);

  /** Answers with what `operation` says of the inode. */
  function onInode(path: string, done: Done, operation: (ino: InodeNumber) => Answer): void {
    const ino = paths.resolve(path);
    done(ino < 0 ? (ino as number) : operation(ino as InodeNumber));
  }

  function answerStat(path: string, done: Done<NativeStat>): void {
    const ino = paths.resolve(path);
    const answer = ino < 0 ? (ino as number) : operations.getattr(caller, ino as InodeNumber, attr);
    if (answer < 0) done(answer);
    else done(0, statOf(attr));
  }

  function setAttributes(path: string, done: Done, valid: number): void {
    onInode(path, done, ino => {
      set.valid = valid;
      set.fh = 0;
      return operations.setattr(caller, ino, set, attr);
    });
  }

  function setSize(path: string, fh: FileHandle | 0, size: number, done: Done): void {
    waiting(path, done, ino => {
      if (size > MAX_OFFSET) return -errno.EFBIG;
      set.valid = SET_SIZE;
      set.size = size;
      set.fh = fh;
      return operations.setattr(caller, ino, set, attr);
    });
  }

  /** As `onInode`, for what a lease may hold up. */
  function waiting(
    path: string,
    done: (answer: Answer) => void,
    operation: (ino: InodeNumber) => Answer,
  ): void {
    const ino = paths.resolve(path);
    if (ino < 0) done(ino as number);
    else run(() => operation(ino as InodeNumber), done);
  }

  /** Makes an entry; its lookup goes into the cache. */
  function make(
    path: string,
    done: (answer: Answer) => void,
    operation: (parent: InodeNumber, name: Name) => Answer,
  ): void {
    const place = paths.place(path);
    const answer = typeof place === 'number' ? place : operation(place.parent, place.name);
    if (answer === 0) paths.entered(path, attr.ino);
    done(answer);
  }

  function withName(
    path: string,
    name: string,
    done: Done,
    operation: (ino: InodeNumber, name: Name) => Answer,
  ): void {
    const bytes = nameOf(name);
    if (bytes === undefined) done(-errno.EILSEQ);
    else onInode(path, done, ino => operation(ino, bytes));
  }

  function remove(path: string, done: Done, how: 'unlink' | 'rmdir'): void {
    const place = paths.place(path);
    const answer = typeof place === 'number' ? place : operations[how](caller, place.parent, place.name);
    if (answer === 0) paths.gone(path);
    done(answer);
  }

  return {
    statfs(_path, done) {
      const out = new StatFs();
      const answer = operations.statfs(out);
      const { blocks, blocksFree: bfree, files, filesFree: ffree } = out;
      const free = { bfree, bavail: bfree, files, ffree, favail: ffree };
      done(answer, { bsize: BLOCK, frsize: BLOCK, blocks, ...free, namemax: 255 });
    },

    getattr: answerStat,
    fgetattr: (path, _fd, done) => answerStat(path, done),

    readdir(path, done) {
      const ino = paths.resolve(path);
      if (ino < 0) return done(ino as number);
      const answer = operations.opendir(caller, ino as InodeNumber, O_RDONLY, opened);
      if (answer < 0) return done(answer);
      const { fh } = opened;
      const names: string[] = [];
      let after = 0;
      const sink: DirSink = {
        add(name, _ino, _mode, next) {
          names.push(textOf(name));
          after = next;
          return true;
        },
      };
      for (let before = -1; before !== names.length; ) {
        before = names.length;
        operations.readdir(caller, ino as InodeNumber, fh, after, false, sink);
      }
      operations.release(fh);
      done(0, names);
    },

    readlink(path, done) {
      const ino = paths.resolve(path);
      if (ino < 0) return done(ino as number);
      const length = operations.readlink(caller, ino as InodeNumber, text, 0);
      if (length < 0) done(length);
      else done(0, Buffer.from(text.buffer, 0, length).toString('utf8'));
    },

    truncate: (path, size, done) => setSize(path, 0, size, done),
    ftruncate: (path, fd, size, done) => setSize(path, fd as FileHandle, size, done),

    chmod(path, mode, done) {
      set.mode = mode & 0o7777;
      setAttributes(path, done, SET_MODE);
    },

    chown(path, uid, gid, done) {
      set.uid = uid;
      set.gid = gid;
      setAttributes(path, done, (uid === KEEP ? 0 : SET_UID) | (gid === KEEP ? 0 : SET_GID));
    },

    utimens(path, atime, mtime, done) {
      // The package counts without a sign, and what is large is not exact any more.
      if (atime >= NEGATIVE || mtime >= NEGATIVE) return done(-errno.EINVAL);
      set.atime = Math.floor(atime / 1000);
      set.atimeNsec = (atime - set.atime * 1000) * 1e6;
      set.mtime = Math.floor(mtime / 1000);
      set.mtimeNsec = (mtime - set.mtime * 1000) * 1e6;
      setAttributes(path, done, SET_ATIME | SET_MTIME);
    },

    mknod: (path, mode, rdev, done) =>
      make(path, done, (parent, name) => operations.mknod(caller, parent, name, mode, rdev, attr)),

    mkdir: (path, mode, done) =>
      make(path, done, (parent, name) => operations.mkdir(caller, parent, name, mode, attr)),

    symlink: (target, path, done) =>
      make(path, done, (parent, name) => {
        if (nameOf(target) === undefined) return -errno.EILSEQ;
        return operations.symlink(caller, parent, name, Buffer.from(target, 'utf8'), attr);
      }),

    link(from, to, done) {
      const ino = paths.resolve(from);
      if (ino < 0) return done(ino as number);
      make(to, done, (parent, name) => operations.link(caller, ino as InodeNumber, parent, name, attr));
    },

    create: (path, mode, done) =>
      make(
        path,
        answer => done(answer, answer === 0 ? opened.fh : undefined),
        (parent, name) => operations.create(caller, parent, name, mode, O_RDWR, attr, opened),
      ),

    unlink: (path, done) => remove(path, done, 'unlink'),
    rmdir: (path, done) => remove(path, done, 'rmdir'),

    rename(from, to, done) {
      const source = paths.place(from);
      const target = paths.place(to);
      if (typeof source === 'number') return done(source);
      if (typeof target === 'number') return done(target);
      const { parent, name } = source;
      paths.moving(from, to);
      done(operations.rename(caller, parent, name, target.parent, target.name, 0));
    },

    open: (path, flags, done) =>
      waiting(
        path,
        answer => done(answer, answer === 0 ? opened.fh : undefined),
        ino => operations.open(caller, ino, flags, opened),
      ),

    read: (path, fd, data, len, off, done) =>
      onInode(path, done, ino => {
        const { buffer, byteOffset } = data;
        const to = buffer as ArrayBuffer;
        gather.clear();
        const n = operations.read(caller, ino, fd as FileHandle, off, len, to, byteOffset, gather, false);
        gather.copyTo(data);
        return n;
      }),

    write: (path, fd, data, len, off, done) =>
      waiting(path, done, ino => {
        const { buffer, byteOffset } = data;
        const from = buffer as ArrayBuffer;
        return operations.write(caller, ino, fd as FileHandle, off, len, from, byteOffset, false);
      }),

    release(_path, fd, done) {
      operations.release(fd as FileHandle);
      done(0);
    },

    setxattr: (path, name, value, _position, flags, done) =>
      withName(path, name, done, (ino, bytes) =>
        // No ACLs: the kernel would not judge by them. The package's memory is gone when this is answered, and `slice` of
        // a Buffer copies nothing.
        isAclName(bytes)
          ? -errno.EOPNOTSUPP
          : operations.setxattr(caller, ino, bytes, new Uint8Array(value), flags),
      ),

    getxattr(path, name, _position, done) {
      const out = new Uint8Array(XATTR_MAX);
      withName(
        path,
        name,
        answer => {
          if (answer < 0) done(answer);
          else done(0, Buffer.from(out.buffer, 0, answer));
        },
        (ino, bytes) =>
          bytes === CONTROL_XATTR
            ? Buffer.from(out.buffer).write(control(ino), 'latin1')
            : operations.getxattr(caller, ino, bytes, out, 0, XATTR_MAX),
      );
    },

    listxattr(path, done) {
      const out = new Uint8Array(XATTR_MAX);
      onInode(
        path,
        answer => {
          if (answer < 0) return done(answer);
          const list = Buffer.from(out.buffer, 0, answer).toString('utf8');
          done(0, list.split('\0').slice(0, -1));
        },
        ino => operations.listxattr(caller, ino, out, 0, XATTR_MAX),
      );
    },

    removexattr: (path, name, done) =>
      withName(path, name, done, (ino, bytes) => operations.removexattr(caller, ino, bytes)),
  };
}

const ms = (sec: number, nsec: number): number => sec * 1000 + Math.floor(nsec / 1e6);

function statOf(attr: Attr): NativeStat {
  const { mode, uid, gid, size, nlink, ino, rdev, blocks } = attr;
  return {
    mode,
    uid,
    gid,
    size,
    nlink,
    ino,
    rdev,
    blocks,
    blksize: BLOCK,
    atime: ms(attr.atime, attr.atimeNsec),
    mtime: ms(attr.mtime, attr.mtimeNsec),
    ctime: ms(attr.ctime, attr.ctimeNsec),
  };
}
