// Calls on memory files that take as long as the file is large, on a thread of libuv's: to free 100,000 pages takes 15 ms and
// more, and the kernel may have to wait for a writer, or take the pages out of many mappings.
#include <fcntl.h>

#include <functional>
#include <utility>

#include "addon.h"
#include "args.h"
#include "guard.h"
#include "result.h"
#include "unique_fd.h"

namespace leasefs {
namespace {

/** 0, or errno. */
using Call = std::function<int(int fd)>;

class FileWorker : public Napi::AsyncWorker {
 public:
  /** Closes the descriptor at the end, before the promise is resolved with 0 or -errno. */
  static Napi::Promise Start(Napi::Env env, UniqueFd fd, Call call) {
    // Frees itself.
    auto* worker = new FileWorker(env, std::move(fd), std::move(call));
    Napi::Promise promise = worker->deferred_.Promise();
    worker->Queue();
    return promise;
  }

 private:
  FileWorker(Napi::Env env, UniqueFd fd, Call call)
      : AsyncWorker(env), deferred_(Napi::Promise::Deferred::New(env)), fd_(std::move(fd)), call_(std::move(call)) {}

  void Execute() override {
    error_ = call_(fd_.Get());
    fd_ = UniqueFd();
  }
  void OnOK() override { deferred_.Resolve(Failure(Env(), error_)); }

  Napi::Promise::Deferred deferred_;
  UniqueFd fd_;
  Call call_;
  int error_ = 0;
};

/** On a descriptor of its own: the caller may close `fd` before the call ends, and another file may get its number. */
Napi::Value StartOn(Napi::Env env, int fd, Call call) {
  UniqueFd own(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (own.IsOpen()) return FileWorker::Start(env, std::move(own), std::move(call));
  int error = errno;
  auto failed = Napi::Promise::Deferred::New(env);
  failed.Resolve(Failure(env, error));
  return failed.Promise();
}

Napi::Value FtruncateAside(const Napi::CallbackInfo& info) {
  int64_t size = OffsetArg(info, 1);
  return StartOn(info.Env(), IntArg(info, 0), [size](int fd) { return ftruncate(fd, size) < 0 ? errno : 0; });
}

/** The flag is lifted for the time of the call. */
Napi::Value PunchAside(const Napi::CallbackInfo& info) {
  int64_t off = OffsetArg(info, 1);
  int64_t length = OffsetArg(info, 2);
  return StartOn(info.Env(), IntArg(info, 0), [off, length](int fd) {
    if (PutImmutable(fd, false) < 0) return errno;
    int error = fallocate(fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, off, length) < 0 ? errno : 0;
    if (PutImmutable(fd, true) < 0 && error == 0) error = errno;
    return error;
  });
}

Napi::Value CloseAside(const Napi::CallbackInfo& info) {
  return FileWorker::Start(info.Env(), UniqueFd(IntArg(info, 0)), [](int) { return 0; });
}

}  // namespace

void ExportFileWorker(Napi::Env, Napi::Object exports) {
  Export<FtruncateAside>(exports, "ftruncateAside");
  Export<PunchAside>(exports, "punchAside");
  Export<CloseAside>(exports, "closeAside");
}

}  // namespace leasefs
