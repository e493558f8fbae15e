// The fuse-native package is optional, so it is loaded on demand. It needs libfuse.so.2, which few systems still have; a
// package that it depends on brings one with that SONAME. Once that file is loaded, by its own path, the dynamic loader
// finds the SONAME (F13).
import { createRequire } from 'node:module';
import { errno, FsError } from '../base/errno.js';
import { native } from '../native/binding.js';

/** What an operation of the package calls at its end: 0, a count or `-errno`, and what it asked for. */
export type Done<Value = undefined> = (answer: number, value?: Value) => void;

export interface NativeStat {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly nlink: number;
  readonly ino: number;
  readonly rdev: number;
  readonly blksize: number;
  readonly blocks: number;
  /** ms since 1970. */
  readonly atime: number;
  readonly mtime: number;
  readonly ctime: number;
}

interface NativeStatFs {
  readonly bsize: number;
  readonly frsize: number;
  readonly blocks: number;
  readonly bfree: number;
  readonly bavail: number;
  readonly files: number;
  readonly ffree: number;
  readonly favail: number;
  readonly namemax: number;
}

/** Paths are UTF-8 decoded, absolute within the mount; `fd` is what `open` gave; times are ms. */
export interface NativeOperations {
  statfs(path: string, done: Done<NativeStatFs>): void;
  getattr(path: string, done: Done<NativeStat>): void;
  fgetattr(path: string, fd: number, done: Done<NativeStat>): void;
  readdir(path: string, done: Done<readonly string[]>): void;
  truncate(path: string, size: number, done: Done): void;
  ftruncate(path: string, fd: number, size: number, done: Done): void;
  readlink(path: string, done: Done<string>): void;
  chown(path: string, uid: number, gid: number, done: Done): void;
  chmod(path: string, mode: number, done: Done): void;
  mknod(path: string, mode: number, rdev: number, done: Done): void;
  setxattr(path: string, name: string, value: Buffer, position: number, flags: number, done: Done): void;
  getxattr(path: string, name: string, position: number, done: Done<Buffer>): void;
  listxattr(path: string, done: Done<readonly string[]>): void;
  removexattr(path: string, name: string, done: Done): void;
  open(path: string, flags: number, done: Done<number>): void;
  read(path: string, fd: number, data: Buffer, len: number, off: number, done: Done): void;
  write(path: string, fd: number, data: Buffer, len: number, off: number, done: Done): void;
  release(path: string, fd: number, done: Done): void;
  utimens(path: string, atime: number, mtime: number, done: Done): void;
  create(path: string, mode: number, done: Done<number>): void;
  unlink(path: string, done: Done): void;
  rename(from: string, to: string, done: Done): void;
  link(from: string, to: string, done: Done): void;
  symlink(target: string, path: string, done: Done): void;
  mkdir(path: string, mode: number, done: Done): void;
  rmdir(path: string, done: Done): void;
}

interface NativeOptions {
  readonly allowOther: boolean;
  readonly defaultPermissions: boolean;
  readonly fsname: string;
  readonly subtype: string;
  readonly entryTimeout?: string;
  readonly attrTimeout: string;
  /** ms until an operation is answered ETIMEDOUT; false: never. */
  readonly timeout: false;
}

interface NativeFuse {
  mount(done: (error: Error | null) => void): void;
}

type NativeFuseClass = new (
  mountPoint: string,
  operations: NativeOperations,
  options: NativeOptions,
) => NativeFuse;

/** @throws FsError ENOPKG when the package is not installed or does not load here. */
export function loadFuseNative(): NativeFuseClass {
  const require = createRequire(import.meta.url);
  try {
    preload(createRequire(require.resolve('fuse-native')));
    return require('fuse-native') as NativeFuseClass;
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new FsError(errno.ENOPKG, `loading the fuse-native package: ${why}; 'npm install fuse-native'`);
  }
}

/** The system may have a libfuse.so.2 of its own: then what the package brings need not load. */
function preload(require: NodeRequire): void {
  const { lib } = require('fuse-shared-library') as { lib: string };
  try {
    native.loadLibrary(lib);
  } catch {
    // The package's own load tells what is missing.
  }
}
