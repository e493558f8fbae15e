// Calls on memory files, and on files in general: memfd_create(2), sizes, holes, bytes, the immutable flag.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "addon.h"
#include "args.h"
#include "descriptor.h"
#include "file_name.h"
#include "guard.h"
#include "result.h"
#include "unique_fd.h"

// Newer than Debian 12's headers.
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#endif
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

namespace leasefs {
namespace {

/** Of STAT in src/native/binding.ts. */
enum StatIndex { kIno, kSize, kBlocks, kMode, kNlink, kDev, kAtime, kMtime = 8, kCtime = 10, kStatLength = 12 };

/** Of the thread, and so of its environment: `scratch` in JavaScript. No array to be looked up and checked each time. */
thread_local double scratch[kStatLength];

int CreateMemfd(const std::string& name) {
  int fd = memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
  // Before Linux 6.3 the flag is unknown; without it 6.3 and later only warn.
  if (fd < 0 && errno == EINVAL) fd = memfd_create(name.c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING);
  return fd;
}

Napi::Value MemfdCreate(const Napi::CallbackInfo& info) {
  int fd = CreateMemfd(TextArg(info, 0));
  if (fd < 0) throw SystemError(info.Env(), errno, "memfd_create");
  return Descriptor::Make(info.Env(), UniqueFd(fd));
}

void PutTime(double* out, const timespec& time) {
  out[0] = static_cast<double>(time.tv_sec);
  out[1] = static_cast<double>(time.tv_nsec);
}

void PutStat(double* out, const struct stat& st) {
  out[kIno] = static_cast<double>(st.st_ino);
  out[kSize] = static_cast<double>(st.st_size);
  out[kBlocks] = static_cast<double>(st.st_blocks);
  out[kMode] = st.st_mode;
  out[kNlink] = static_cast<double>(st.st_nlink);
  out[kDev] = static_cast<double>(st.st_dev);
  PutTime(out + kAtime, st.st_atim);
  PutTime(out + kMtime, st.st_mtim);
  PutTime(out + kCtime, st.st_ctim);
}

Napi::Value FstatTo(const Napi::CallbackInfo& info, int fd, double* out) {
  struct stat st;
  if (fstat(fd, &st) < 0) return Failure(info.Env(), errno);
  PutStat(out, st);
  return Failure(info.Env(), 0);
}

Napi::Value Fstat(const Napi::CallbackInfo& info) {
  int fd = IntArg(info, 0);
  return FstatTo(info, fd, Float64ArrayArg(info, 1, kStatLength));
}

Napi::Value FileId(const Napi::CallbackInfo& info) {
  struct statx seen = {};
  int fd = IntArg(info, 0);
  double* out = Float64ArrayArg(info, 1, kStatLength);
  if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO, &seen) < 0) return Failure(info.Env(), errno);
  out[kIno] = static_cast<double>(seen.stx_ino);
  out[kDev] = static_cast<double>(makedev(seen.stx_dev_major, seen.stx_dev_minor));
  return Failure(info.Env(), 0);
}

Napi::Value FstatScratch(const Napi::CallbackInfo& info) { return FstatTo(info, IntArg(info, 0), scratch); }

/** Of a file by its number (tmpfs.cc), which needs no descriptor of it. */
Napi::Value FileStatScratch(const Napi::CallbackInfo& info) {
  struct stat st;
  FileName name(OffsetArg(info, 1));
  // Its wrapper is newer than the oldest glibc.
  if (syscall(SYS_newfstatat, IntArg(info, 0), name.text, &st, AT_SYMLINK_NOFOLLOW) < 0)
    return Failure(info.Env(), errno);
  PutStat(scratch, st);
  return Failure(info.Env(), 0);
}

Napi::Value Ftruncate(const Napi::CallbackInfo& info) {
  return Result(info.Env(), ftruncate(IntArg(info, 0), OffsetArg(info, 1)));
}

Napi::Value Fallocate(const Napi::CallbackInfo& info) {
  return Result(info.Env(), fallocate(IntArg(info, 0), IntArg(info, 1), OffsetArg(info, 2), OffsetArg(info, 3)));
}

Napi::Value Lseek(const Napi::CallbackInfo& info) {
  return Result(info.Env(), lseek(IntArg(info, 0), IntegerArg(info, 1, -kMaxSafe, kMaxSafe), IntArg(info, 2)));
}

Napi::Value Pread(const Napi::CallbackInfo& info) {
  int fd = IntArg(info, 0);
  int64_t off = OffsetArg(info, 4);
  Bytes into;
  if (!RangeArg(info, ArrayBufferArg(info, 1), 2, 3, &into)) return Failure(info.Env(), EFAULT);
  return Result(info.Env(), pread(fd, into.data, into.length, off));
}

Napi::Value Pwrite(const Napi::CallbackInfo& info) {
  int fd = IntArg(info, 0);
  int64_t off = OffsetArg(info, 4);
  Bytes from;
  if (!RangeArg(info, ArrayBufferArg(info, 1), 2, 3, &from)) return Failure(info.Env(), EFAULT);
  return Result(info.Env(), pwrite(fd, from.data, from.length, off));
}

Napi::Value CopyFileRange(const Napi::CallbackInfo& info) {
  off_t from_off = OffsetArg(info, 1);
  off_t to_off = OffsetArg(info, 3);
  auto length = static_cast<size_t>(OffsetArg(info, 4));
  return Result(info.Env(), copy_file_range(IntArg(info, 0), &from_off, IntArg(info, 2), &to_off, length, 0));
}

/** cachestat(2), Linux 6.5: the pages of [off, off + len) that are in memory, counted without looking beyond. */
Napi::Value PresentPages(const Napi::CallbackInfo& info) {
  constexpr long kCachestat = 451;
  struct {
    uint64_t off;
    uint64_t len;
  } range = {static_cast<uint64_t>(OffsetArg(info, 1)), static_cast<uint64_t>(OffsetArg(info, 2))};
  struct {
    uint64_t cached, dirty, writeback, evicted, recently_evicted;
  } pages;
  if (syscall(kCachestat, IntArg(info, 0), &range, &pages, 0) < 0) return Failure(info.Env(), errno);
  return Napi::Number::New(info.Env(), static_cast<double>(pages.cached));
}

/** Maps for writing. Keeps the access time of a file of ours: that time shows accesses by other processes. */
void* MapUnseen(int fd, size_t bytes, int64_t off) {
  int flags = fcntl(fd, F_GETFL);
  bool unseen = flags >= 0 && fcntl(fd, F_SETFL, flags | O_NOATIME) == 0;
  void* mapped = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, off);
  int error = errno;
  if (unseen && fcntl(fd, F_SETFL, flags) < 0 && mapped != MAP_FAILED) {
    error = errno;
    munmap(mapped, bytes);
    mapped = MAP_FAILED;
  }
  errno = error;
  return mapped;
}

/** Fills holes of a file whose immutable flag refuses fallocate(2): faults its pages in, for writing (F14). */
Napi::Value Populate(const Napi::CallbackInfo& info) {
  int fd = IntArg(info, 0);
  int64_t off = OffsetArg(info, 1);
  int64_t length = OffsetArg(info, 2);
  if (length == 0) return Failure(info.Env(), 0);
  int64_t start = off - off % sysconf(_SC_PAGESIZE);
  auto bytes = static_cast<size_t>(off + length - start);
  void* mapped = MapUnseen(fd, bytes, start);
  if (mapped == MAP_FAILED) return Failure(info.Env(), errno);
  int error = madvise(mapped, bytes, MADV_POPULATE_WRITE) < 0 ? errno : 0;
  if (munmap(mapped, bytes) < 0 && error == 0) error = errno;
  return Failure(info.Env(), error);
}

Napi::Value Fadvise(const Napi::CallbackInfo& info) {
  int error = posix_fadvise(IntArg(info, 0), OffsetArg(info, 1), OffsetArg(info, 2), IntArg(info, 3));
  return Failure(info.Env(), error);
}

Napi::Value SyncFileRange(const Napi::CallbackInfo& info) {
  constexpr unsigned kAll = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  return Result(info.Env(), sync_file_range(IntArg(info, 0), OffsetArg(info, 1), OffsetArg(info, 2), kAll));
}

Napi::Value SetImmutable(const Napi::CallbackInfo& info) {
  int fd = IntArg(info, 0);
  return Result(info.Env(), PutImmutable(fd, BooleanArg(info, 1)));
}

/** Lifts the guard for the instant of the call: no JavaScript runs in between. */
Napi::Value FallocateGuarded(const Napi::CallbackInfo& info) {
  int fd = IntArg(info, 0);
  int mode = IntArg(info, 1);
  int64_t off = OffsetArg(info, 2);
  int64_t length = OffsetArg(info, 3);
  if (PutImmutable(fd, false) < 0) return Failure(info.Env(), errno);
  int error = fallocate(fd, mode, off, length) < 0 ? errno : 0;
  if (PutImmutable(fd, true) < 0 && error == 0) error = errno;
  return Failure(info.Env(), error);
}

Napi::Value Clock(const Napi::CallbackInfo& info) {
  timespec now;
  Must(clock_gettime(CLOCK_REALTIME_COARSE, &now) == 0, "clock_gettime");
  PutTime(scratch, now);
  return info.Env().Undefined();
}

}  // namespace

void ExportMemoryFile(Napi::Env env, Napi::Object exports) {
  exports.Set("scratch",
              Napi::Float64Array::New(env, kStatLength, Napi::ArrayBuffer::New(env, scratch, sizeof scratch), 0));
  Export<MemfdCreate>(exports, "memfdCreate");
  Export<Fstat>(exports, "fstat");
  Export<FileId>(exports, "fileId");
  Export<FstatScratch>(exports, "fstatScratch");
  Export<FileStatScratch>(exports, "fileStatScratch");
  Export<Ftruncate>(exports, "ftruncate");
  Export<Fallocate>(exports, "fallocate");
  Export<FallocateGuarded>(exports, "fallocateGuarded");
  Export<Lseek>(exports, "lseek");
  Export<Pread>(exports, "pread");
  Export<Pwrite>(exports, "pwrite");
  Export<CopyFileRange>(exports, "copyFileRange");
  Export<Populate>(exports, "populate");
  Export<PresentPages>(exports, "presentPages");
  Export<Fadvise>(exports, "fadvise");
  Export<SyncFileRange>(exports, "syncFileRange");
  Export<SetImmutable>(exports, "setImmutable");
  Export<Clock>(exports, "clock");
}

}  // namespace leasefs
