// ioctl(2) with a struct: on this thread, or on a thread of its own when it may wait.
#include <signal.h>
#include <sys/ioctl.h>

#include <condition_variable>
#include <cstring>
#include <deque>
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
 * no argument at all, since the size that the kernel would write is unknown.
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
  /** A copy: JavaScript may change or detach its buffer during the call. */
  std::vector<uint8_t> data;
  int64_t answer = 0;
  std::mutex mutex;
  /** Wakes the loop; null when it waits no more. Guarded by `mutex`. */
  uv_async_t* wake = nullptr;
};

void RunOnThread(const std::shared_ptr<ThreadCall>& call) {
  call->answer = Call(call->fd, call->request, call->data.data());
  std::lock_guard<std::mutex> lock(call->mutex);
  if (call->wake != nullptr) Must(uv_async_send(call->wake) == 0, "uv_async_send");
}

/**
 * Threads that take no signals: those are for the threads of Node. Each has one call at a time, which no other waits for; a
 * few of those that are done wait for the next call.
 */
class Threads {
 public:
  /** For good: threads of it may outlive all else. */
  static Threads& Of() {
    static auto* threads = new Threads;
    return *threads;
  }

  /** 0 or errno. */
  int Start(std::shared_ptr<ThreadCall> call) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (calls_.size() < idle_) {
        calls_.push_back(std::move(call));
        wake_.notify_one();
        return 0;
      }
    }
    sigset_t all, before;
    sigfillset(&all);
    int error = pthread_sigmask(SIG_SETMASK, &all, &before);
    if (error != 0) return error;
    try {
      std::thread([this, first = std::move(call)]() mutable { Work(std::move(first)); }).detach();
    } catch (const std::system_error& failure) {
      error = failure.code().value();
    }
    Must(pthread_sigmask(SIG_SETMASK, &before, nullptr) == 0, "pthread_sigmask");
    return error;
  }

 private:
  static constexpr size_t kIdle = 4;

  void Work(std::shared_ptr<ThreadCall> call) {
    for (;;) {
      RunOnThread(call);
      call.reset();
      std::unique_lock<std::mutex> lock(mutex_);
      if (idle_ == kIdle) return;
      idle_++;
      wake_.wait(lock, [this] { return !calls_.empty(); });
      idle_--;
      call = std::move(calls_.front());
      calls_.pop_front();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  /** Never more than threads that wait for one. */
  std::deque<std::shared_ptr<ThreadCall>> calls_;
  size_t idle_ = 0;
};

/**
 * A call under way, as the event loop sees it. It has a thread of its own, not one of libuv's four, and no
 * napi_threadsafe_function: it may wait as long as a lease break lasts, and then neither file I/O of the program, nor
 * process.exit(), which joins libuv's threads, nor the end of a Worker may wait with it.
 */
class PendingIoctl {
 public:
  static Napi::Promise Start(Napi::Env env, int fd, uint32_t request, const Bytes& data, Napi::ArrayBuffer buffer) {
    Pointer pending = Open(env, buffer);
    pending->call_->fd = fd;
    pending->call_->request = request;
    pending->call_->data.assign(data.data, data.data + _IOC_SIZE(request));
    pending->call_->wake = &pending->async_;
    Napi::Promise promise = pending->deferred_.Promise();
    int error = Threads::Of().Start(pending->call_);
    if (error != 0) {
      pending->deferred_.Resolve(Failure(env, error));
      return promise;
    }
    // The thread's wake or the environment's end closes it.
    pending.release();
    return promise;
  }

 private:
  /** Closes: nothing wakes it any more, and libuv frees it. */
  struct Closer {
    void operator()(PendingIoctl* pending) const { pending->Close(); }
  };
  using Pointer = std::unique_ptr<PendingIoctl, Closer>;

  PendingIoctl(Napi::Env env, Napi::ArrayBuffer buffer)
      : call_(std::make_shared<ThreadCall>()),
        env_(env),
        deferred_(Napi::Promise::Deferred::New(env)),
        buffer_(Napi::Persistent(buffer)) {
    async_.data = this;
  }

  static Pointer Open(Napi::Env env, Napi::ArrayBuffer buffer) {
    uv_loop_t* loop = LoopOf(env);
    std::unique_ptr<PendingIoctl> fresh(new PendingIoctl(env, buffer));
    int error = uv_async_init(loop, &fresh->async_, OnWake);
    if (error < 0) throw SystemError(env, -error, "uv_async_init");
    // The loop's from here on: closed, not deleted.
    Pointer pending(fresh.release());
    if (napi_add_async_cleanup_hook(env, OnEnvironmentEnd, pending.get(), &pending->hook_) != napi_ok) {
      throw Napi::Error::New(env);
    }
    return pending;
  }

  static void OnWake(uv_async_t* async) {
    Pointer self(static_cast<PendingIoctl*>(async->data));
    RunFromLoop(self->env_, [&self] {
      Napi::ArrayBuffer buffer = self->buffer_.Value();
      const std::vector<uint8_t>& data = self->call_->data;
      // It may be detached by now.
      if (buffer.ByteLength() >= data.size() && !data.empty()) memcpy(buffer.Data(), data.data(), data.size());
      self->deferred_.Resolve(Napi::Number::New(self->env_, static_cast<double>(self->call_->answer)));
    });
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
    std::unique_ptr<PendingIoctl> self(static_cast<PendingIoctl*>(handle->data));
    if (self->hook_ != nullptr) Must(napi_remove_async_cleanup_hook(self->hook_) == napi_ok, "the end of an ioctl");
  }

  static void OnEnvironmentEnd(napi_async_cleanup_hook_handle, void* self) {
    auto* pending = static_cast<PendingIoctl*>(self);
    // Closed before, and libuv has not freed it yet.
    if (!uv_is_closing(reinterpret_cast<uv_handle_t*>(&pending->async_))) pending->Close();
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
