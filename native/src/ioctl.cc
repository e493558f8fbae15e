// ioctl(2) with a struct, on this thread or on one of its own.
#include <signal.h>
#include <sys/ioctl.h>

#include <memory>
#include <system_error>
#include <thread>
#include <vector>

#include "addon.h"
#include "args.h"
#include "result.h"

namespace leasefs {
namespace {

/**
 * Whether `data` holds what `request` says it reads and writes. The few old requests that say nothing (size 0) get
 * no argument at all, since nobody knows how much of it the kernel would write.
 */
bool Fits(uint32_t request, const Bytes& data) { return data.length >= _IOC_SIZE(request); }

int64_t Call(int fd, uint32_t request, void* data) {
  int answer = ioctl(fd, request, _IOC_SIZE(request) > 0 ? data : nullptr);
  return answer < 0 ? -errno : answer;
}

Napi::Value Ioctl(const Napi::CallbackInfo& info) {
  int fd = IntArg(info, 0);
  uint32_t request = Uint32Arg(info, 1);
  Bytes data = ArrayBufferArg(info, 2);
  if (!Fits(request, data)) return Failure(info.Env(), EINVAL);
  return Napi::Number::New(info.Env(), static_cast<double>(Call(fd, request, data.data)));
}

/**
 * A call under way. It has a thread of its own, not one of libuv's four: it may wait as long as a lease break lasts,
 * and then neither file I/O of the program nor process.exit(), which joins libuv's, may wait with it.
 */
struct PendingIoctl {
  explicit PendingIoctl(Napi::Env env) : promise(Napi::Promise::Deferred::New(env)) {}

  int fd;
  uint32_t request;
  /** The kernel's copy: JavaScript may do with its buffer what it likes meanwhile. */
  std::vector<uint8_t> data;
  int64_t answer = 0;
  Napi::Promise::Deferred promise;
  Napi::Reference<Napi::ArrayBuffer> buffer;
};

void Settle(Napi::Env env, Napi::Function, void*, PendingIoctl* pending);
using Done = Napi::TypedThreadSafeFunction<void, PendingIoctl, Settle>;

/** On the JavaScript thread, when the call is through. `env` is null when the environment has ended. */
void Settle(Napi::Env env, Napi::Function, void*, PendingIoctl* pending) {
  std::unique_ptr<PendingIoctl> owned(pending);
  if (env == nullptr) {
    owned->buffer.SuppressDestruct();
    return;
  }
  Napi::ArrayBuffer buffer = owned->buffer.Value();
  if (buffer.ByteLength() >= owned->data.size()) {
    std::copy(owned->data.begin(), owned->data.end(), static_cast<uint8_t*>(buffer.Data()));
  }
  owned->promise.Resolve(Napi::Number::New(env, static_cast<double>(owned->answer)));
}

void RunOnThread(PendingIoctl* pending, Done done) {
  pending->answer = Call(pending->fd, pending->request, pending->data.data());
  if (done.BlockingCall(pending) == napi_ok) done.Release();
}

Napi::Value IoctlAsync(const Napi::CallbackInfo& info) {
  int fd = IntArg(info, 0);
  uint32_t request = Uint32Arg(info, 1);
  Bytes data = ArrayBufferArg(info, 2);
  auto pending = std::make_unique<PendingIoctl>(info.Env());
  Napi::Promise promise = pending->promise.Promise();
  if (!Fits(request, data)) {
    pending->promise.Resolve(Failure(info.Env(), EINVAL));
    return promise;
  }
  pending->fd = fd;
  pending->request = request;
  pending->data.assign(data.data, data.data + _IOC_SIZE(request));
  pending->buffer = Napi::Persistent(info[2].As<Napi::ArrayBuffer>());
  Done done = Done::New(info.Env(), "leasefs ioctl", 0, 1);
  // Signals are for the threads of Node.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = 0;
  try {
    std::thread(RunOnThread, pending.get(), done).detach();
    pending.release();
  } catch (const std::system_error& failure) {
    error = failure.code().value();
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (error != 0) {
    done.Release();
    pending->promise.Resolve(Failure(info.Env(), error));
  }
  return promise;
}

}  // namespace

void ExportIoctl(Napi::Env, Napi::Object exports) {
  Export<Ioctl>(exports, "ioctl");
  Export<IoctlAsync>(exports, "ioctlAsync");
}

}  // namespace leasefs
