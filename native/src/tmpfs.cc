// A tmpfs instance of one's own that is mounted nowhere (fsopen(2), Linux 5.2), and its files by number. The files are
// immutable but for the instant of a call here (F14), so that a client's MADV_REMOVE is refused.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "addon.h"
#include "args.h"
#include "descriptor.h"
#include "file_name.h"
#include "guard.h"
#include "result.h"
#include "unique_fd.h"

namespace leasefs {
namespace {

// Newer than some libraries' headers: include/uapi/linux/mount.h.
constexpr long kFsopen = 430, kFsconfig = 431, kFsmount = 432, kFspick = 433;
constexpr unsigned kFsopenCloexec = 1, kFsmountCloexec = 1, kFspickCloexec = 1, kFspickEmptyPath = 8;
constexpr unsigned kSetFlag = 0, kSetString = 1, kCreate = 6, kReconfigure = 7;
/** MOUNT_ATTR_NOSUID, _NODEV and _STRICTATIME: each mmap(2) shows in the time of access. */
constexpr unsigned kMountAttributes = 2 | 4 | 0x20;

/** Options by turns a name and a value, '' for none. 0, or errno. */
int Configure(const Napi::CallbackInfo& info, int context, unsigned command) {
  for (size_t at = 1; at < info.Length(); at += 2) {
    std::string name = TextArg(info, at);
    std::string value = TextArg(info, at + 1);
    bool is_flag = value.empty();
    if (syscall(kFsconfig, context, is_flag ? kSetFlag : kSetString, name.c_str(), is_flag ? nullptr : value.c_str(),
                0) < 0) {
      return errno;
    }
  }
  return syscall(kFsconfig, context, command, nullptr, nullptr, 0) < 0 ? errno : 0;
}

Napi::Value TmpfsMake(const Napi::CallbackInfo& info) {
  std::string source = TextArg(info, 0);
  UniqueFd context(static_cast<int>(syscall(kFsopen, "tmpfs", kFsopenCloexec)));
  if (!context.IsOpen()) throw SystemError(info.Env(), errno, "fsopen");
  if (syscall(kFsconfig, context.Get(), kSetString, "source", source.c_str(), 0) < 0)
    throw SystemError(info.Env(), errno, "fsconfig");
  int error = Configure(info, context.Get(), kCreate);
  if (error != 0) throw SystemError(info.Env(), error, "fsconfig");
  UniqueFd root(static_cast<int>(syscall(kFsmount, context.Get(), kFsmountCloexec, kMountAttributes)));
  if (!root.IsOpen()) throw SystemError(info.Env(), errno, "fsmount");
  return Descriptor::Make(info.Env(), std::move(root));
}

Napi::Value TmpfsConfigure(const Napi::CallbackInfo& info) {
  UniqueFd context(static_cast<int>(syscall(kFspick, IntArg(info, 0), "", kFspickCloexec | kFspickEmptyPath)));
  if (!context.IsOpen()) return Failure(info.Env(), errno);
  return Failure(info.Env(), Configure(info, context.Get(), kReconfigure));
}

Napi::Value TmpfsSpace(const Napi::CallbackInfo& info) {
  struct statfs st;
  double* out = Float64ArrayArg(info, 1, 2);
  if (fstatfs(IntArg(info, 0), &st) < 0) return Failure(info.Env(), errno);
  out[0] = static_cast<double>(st.f_blocks) * static_cast<double>(st.f_bsize);
  out[1] = static_cast<double>(st.f_bfree) * static_cast<double>(st.f_bsize);
  return Failure(info.Env(), 0);
}

Napi::Value FileCreate(const Napi::CallbackInfo& info) {
  int root = IntArg(info, 0);
  FileName name(OffsetArg(info, 1));
  UniqueFd fd(openat(root, name.text, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd.IsOpen()) return Failure(info.Env(), errno);
  const timespec never_accessed[2] = {{0, 0}, {0, UTIME_OMIT}};
  if (futimens(fd.Get(), never_accessed) < 0 || PutImmutable(fd.Get(), true) < 0) {
    int error = errno;
    unlinkat(root, name.text, 0);
    return Failure(info.Env(), error);
  }
  return Result(info.Env(), fd.Release());
}

/** The flag refuses to open for writing, so it is lifted through a descriptor for reading. */
Napi::Value FileOpen(const Napi::CallbackInfo& info) {
  int root = IntArg(info, 0);
  FileName name(OffsetArg(info, 1));
  UniqueFd reading(openat(root, name.text, O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!reading.IsOpen() || PutImmutable(reading.Get(), false) < 0) return Failure(info.Env(), errno);
  UniqueFd fd(openat(root, name.text, O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  int error = fd.IsOpen() ? 0 : errno;
  if (PutImmutable(reading.Get(), true) < 0 && error == 0) error = errno;
  return error == 0 ? Result(info.Env(), fd.Release()) : Failure(info.Env(), error);
}

/** Removes the name; a mapping that is left keeps the memory, immutable. `fd`: of the file, or -1. */
Napi::Value FileRemove(const Napi::CallbackInfo& info) {
  int root = IntArg(info, 0);
  FileName name(OffsetArg(info, 1));
  int fd = IntArg(info, 2);
  UniqueFd opened(fd < 0 ? openat(root, name.text, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1);
  if (fd < 0) fd = opened.Get();
  if (fd < 0 || PutImmutable(fd, false) < 0) return Failure(info.Env(), errno);
  int error = unlinkat(root, name.text, 0) < 0 ? errno : 0;
  if (PutImmutable(fd, true) < 0 && error == 0) error = errno;
  return Failure(info.Env(), error);
}

}  // namespace

void ExportTmpfs(Napi::Env, Napi::Object exports) {
  Export<TmpfsMake>(exports, "tmpfsMake");
  Export<TmpfsConfigure>(exports, "tmpfsConfigure");
  Export<TmpfsSpace>(exports, "tmpfsSpace");
  Export<FileCreate>(exports, "fileCreate");
  Export<FileOpen>(exports, "fileOpen");
  Export<FileRemove>(exports, "fileRemove");
}

}  // namespace leasefs
