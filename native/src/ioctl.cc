// ioctl(2) with a struct: on this thread, or on a thread of its own when it may wait.
#include <signal.h>
#include <sys/ioctl.h>

#include <cstring>
#include <memory>
#include <mutex>
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

/** What the thread works on; the last of it and PendingIoctl frees it. */
struct ThreadCall {
  int fd;
  uint32_t request;
  /** A copy: JavaScript may do with its buffer what it likes meanwhile. */
  std::vector<uint8_t> data;
  int64_t answer = 0;
  std::mutex mutex;
  /** Wakes the loop; null when it waits no more. Guarded by `mutex`. */
  uv_async_t* wake = nullptr;
};

void RunOnThread(const std::shared_ptr<ThreadCall>& call) {
  call->answer = Call(call->fd, call->request, call->data.data());
  std::lock_guard<std::mutex> lock(call->mutex);
  if (call->wake != nullptr) uv_async_send(call->wake);
}

/** Starts a detached thread that takes no signals: those are for the threads of Node. 0 or errno. */
int StartThread(const std::shared_ptr<ThreadCall>& call) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int error = 0;
  try {
    std::thread(RunOnThread, call).detach();
  } catch (const std::system_error& failure) {
    error = failure.code().value();
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return error;
}

/**
 * A call under way, as the event loop sees it. It has a thread of its own, not one of libuv's four, and no
 * napi_threadsafe_function: it may wait as long as a lease break lasts, and then neither file I/O of the program, nor
 * process.exit(), which joins libuv's threads, nor the end of a Worker may wait with it.
 */
class PendingIoctl {
 public:
  /** Frees itself when the call is through. */
  static Napi::Promise Start(Napi::Env env, int fd, uint32_t request, const Bytes& data, Napi::ArrayBuffer buffer) {
    auto* self = new PendingIoctl(env, buffer);
    Napi::Promise promise = self->deferred_.Promise();
    self->call_->fd = fd;
    self->call_->request = request;
    self->call_->data.assign(data.data, data.data + _IOC_SIZE(request));
    self->call_->wake = &self->async_;
    int error = StartThread(self->call_);
    if (error != 0) self->Settle(-error);
    return promise;
  }

 private:
  PendingIoctl(Napi::Env env, Napi::ArrayBuffer buffer)
      : call_(std::make_shared<ThreadCall>()),
        env_(env),
        deferred_(Napi::Promise::Deferred::New(env)),
        buffer_(Napi::Persistent(buffer)) {
    uv_loop_t* loop;
    napi_get_uv_event_loop(env, &loop);
    uv_async_init(loop, &async_, OnWake);
    async_.data = this;
    napi_add_async_cleanup_hook(env, OnEnvironmentEnd, this, &hook_);
  }

  static void OnWake(uv_async_t* async) {
    auto* self = static_cast<PendingIoctl*>(async->data);
    RunFromLoop(self->env_, [self] {
      Napi::ArrayBuffer buffer = self->buffer_.Value();
      const std::vector<uint8_t>& data = self->call_->data;
      // It may be detached by now.
      if (buffer.ByteLength() >= data.size() && !data.empty()) memcpy(buffer.Data(), data.data(), data.size());
      self->Settle(self->call_->answer);
    });
  }

  void Settle(int64_t answer) {
    deferred_.Resolve(Napi::Number::New(env_, static_cast<double>(answer)));
    Close();
  }

  void Close() {
    {
      std::lock_guard<std::mutex> lock(call_->mutex);
      call_->wake = nullptr;
    }
    buffer_.Reset();
    uv_close(reinterpret_cast<uv_handle_t*>(&async_), OnClosed);
  }

  static void OnClosed(uv_handle_t* handle) {
    auto* self = static_cast<PendingIoctl*>(handle->data);
    napi_remove_async_cleanup_hook(self->hook_);
    delete self;
  }

  static void OnEnvironmentEnd(napi_async_cleanup_hook_handle, void* self) {
    static_cast<PendingIoctl*>(self)->Close();
  }

  uv_async_t async_;
  std::shared_ptr<ThreadCall> call_;
  Napi::Env env_;
  Napi::Promise::Deferred deferred_;
  Napi::Reference<Napi::ArrayBuffer> buffer_;
  napi_async_cleanup_hook_handle hook_ = nullptr;
};

Napi::Value IoctlAsync(const Napi::CallbackInfo& info) {
  int fd = IntArg(info, 0);
  uint32_t request = Uint32Arg(info, 1);
  Bytes data = ArrayBufferArg(info, 2);
  if (!Fits(request, data)) {
    auto deferred = Napi::Promise::Deferred::New(info.Env());
    deferred.Resolve(Failure(info.Env(), EINVAL));
    return deferred.Promise();
  }
  return PendingIoctl::Start(info.Env(), fd, request, data, info[2].As<Napi::ArrayBuffer>());
}

}  // namespace

void ExportIoctl(Napi::Env, Napi::Object exports) {
  Export<Ioctl>(exports, "ioctl");
  Export<IoctlAsync>(exports, "ioctlAsync");
}

}  // namespace leasefs
