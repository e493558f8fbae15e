// The guard of a file of ours (F14): FS_IMMUTABLE_FL, its only flag.
#ifndef LEASEFS_GUARD_H
#define LEASEFS_GUARD_H

#include <linux/fs.h>
#include <sys/ioctl.h>

namespace leasefs {

/** 0, or -1 and errno. */
inline int PutImmutable(int fd, bool on) {
  int flags = on ? FS_IMMUTABLE_FL : 0;
  return ioctl(fd, FS_IOC_SETFLAGS, &flags);
}

}  // namespace leasefs

#endif
