// mount(2) and umount2(2).
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <string>
#include <utility>

#include "addon.h"
#include "args.h"
#include "result.h"
#include "unique_fd.h"

namespace leasefs {
namespace {

Napi::Value Mount(const Napi::CallbackInfo& info) {
  std::string source = TextArg(info, 0);
  std::string target = TextArg(info, 1);
  std::string type = TextArg(info, 2);
  uint32_t flags = Uint32Arg(info, 3);
  std::string data = TextArg(info, 4);
  return Result(info.Env(), mount(source.c_str(), target.c_str(), type.c_str(), flags, data.c_str()));
}

/** The id of the mount that a descriptor is on, as /proc/self/mountinfo has it, without asking its filesystem; -errno. */
int64_t MountIdOf(int fd) {
  struct statx seen = {};
  int answer = statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &seen);
  if (answer < 0) return -errno;
  return seen.stx_mask & STATX_MNT_ID ? static_cast<int64_t>(seen.stx_mnt_id) : -ENOSYS;
}

/**
 * Unmounts what is mounted on `target` (absolute) if it is the mount `id`, and nothing else: -ESTALE. The directory above
 * is held open, so that renaming or replacing it has no effect, and no symbolic link is followed.
 */
int64_t UnmountMount(const std::string& target, int64_t id, int flags, bool act) {
  size_t slash = target.rfind('/');
  if (slash == std::string::npos || slash + 1 == target.size()) return -EINVAL;
  std::string above = slash == 0 ? "/" : target.substr(0, slash);
  std::string name = target.substr(slash + 1);
  UniqueFd dir(open(above.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!dir.IsOpen()) return -errno;
  {
    // Open, it would keep the mount busy.
    UniqueFd root(openat(dir.Get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!root.IsOpen()) return -errno;
    int64_t found = MountIdOf(root.Get());
    if (found < 0) return found;
    if (found != id) return -ESTALE;
  }
  if (!act) return 0;
  std::string path = "/proc/self/fd/" + std::to_string(dir.Get()) + "/" + name;
  return umount2(path.c_str(), flags | UMOUNT_NOFOLLOW) < 0 ? -errno : 0;
}

/** On a thread of libuv's: the mount's daemon, which may be this very process, must serve the writeback of dirty pages. */
class UnmountWorker : public Napi::AsyncWorker {
 public:
  static Napi::Promise Start(Napi::Env env, std::string target, int64_t id, int flags, bool act) {
    // Frees itself.
    auto* worker = new UnmountWorker(env, std::move(target), id, flags, act);
    Napi::Promise promise = worker->deferred_.Promise();
    worker->Queue();
    return promise;
  }

 private:
  UnmountWorker(Napi::Env env, std::string target, int64_t id, int flags, bool act)
      : AsyncWorker(env),
        deferred_(Napi::Promise::Deferred::New(env)),
        target_(std::move(target)),
        id_(id),
        flags_(flags),
        act_(act) {}

  void Execute() override { answer_ = UnmountMount(target_, id_, flags_, act_); }
  void OnOK() override { deferred_.Resolve(Napi::Number::New(Env(), static_cast<double>(answer_))); }

  Napi::Promise::Deferred deferred_;
  std::string target_;
  int64_t id_;
  int flags_;
  bool act_;
  int64_t answer_ = 0;
};

Napi::Value UmountMount(const Napi::CallbackInfo& info) {
  return UnmountWorker::Start(info.Env(), TextArg(info, 0), OffsetArg(info, 1), IntArg(info, 2), true);
}

Napi::Value IsMountedAt(const Napi::CallbackInfo& info) {
  return UnmountWorker::Start(info.Env(), TextArg(info, 0), OffsetArg(info, 1), 0, false);
}

Napi::Value Umount(const Napi::CallbackInfo& info) {
  std::string target = TextArg(info, 0);
  return Result(info.Env(), umount2(target.c_str(), IntArg(info, 1)));
}

/** dlopen(path, RTLD_NOW | RTLD_GLOBAL), for good: what is loaded later finds its symbols and its SONAME there (F13). */
Napi::Value LoadLibrary(const Napi::CallbackInfo& info) {
  if (dlopen(TextArg(info, 0).c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    throw Napi::Error::New(info.Env(), dlerror());
  }
  return info.Env().Undefined();
}

}  // namespace

void ExportMount(Napi::Env, Napi::Object exports) {
  Export<LoadLibrary>(exports, "loadLibrary");
  Export<Mount>(exports, "mount");
  Export<IsMountedAt>(exports, "isMountedAt");
  Export<Umount>(exports, "umount");
  Export<UmountMount>(exports, "umountMount");
}

}  // namespace leasefs
