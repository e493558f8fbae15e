#include "poll_handle.h"

#include <fcntl.h>

#include "result.h"

namespace leasefs {

PollHandle::Pointer PollHandle::Open(Napi::Env env, int fd, int events, Listener* listener) {
  uv_loop_t* loop = LoopOf(env);
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0) throw SystemError(env, errno, "fcntl");
  std::unique_ptr<PollHandle> fresh(new PollHandle(events, listener));
  int error = uv_poll_init(loop, &fresh->handle_, fd);
  if (error < 0) {
    // It may have set O_NONBLOCK before it failed; the caller gets the error of the failure itself.
    fcntl(fd, F_SETFL, flags);
    throw SystemError(env, -error, "uv_poll_init");
  }
  // The loop's from here on: closed, not deleted.
  Pointer handle(fresh.release());
  if ((flags & O_NONBLOCK) == 0 && fcntl(fd, F_SETFL, flags) < 0) throw SystemError(env, errno, "fcntl");
  error = uv_poll_start(&handle->handle_, events, OnPoll);
  if (error < 0) throw SystemError(env, -error, "uv_poll_start");
  if (napi_add_async_cleanup_hook(env, OnEnvironmentEnd, handle.get(), &handle->hook_) != napi_ok) {
    throw Napi::Error::New(env);
  }
  return handle;
}

void PollHandle::Close() {
  listener_ = nullptr;
  // Leaves epoll at once, so that the descriptor may be closed next.
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_), OnClosed);
}

void PollHandle::OnPoll(uv_poll_t* handle, int status, int) {
  auto* self = static_cast<PollHandle*>(handle->data);
  // libuv stops a handle when POLLERR comes alone; our listeners close it themselves.
  if (status < 0) Must(uv_poll_start(handle, self->events_, OnPoll) == 0, "uv_poll_start");
  self->listener_->OnReady();
}

void PollHandle::OnClosed(uv_handle_t* handle) {
  std::unique_ptr<PollHandle> self(static_cast<PollHandle*>(handle->data));
  if (self->hook_ != nullptr) Must(napi_remove_async_cleanup_hook(self->hook_) == napi_ok, "the end of a PollHandle");
}

void PollHandle::OnEnvironmentEnd(napi_async_cleanup_hook_handle, void* self) {
  auto* handle = static_cast<PollHandle*>(self);
  // Closed before, and libuv has not freed it yet.
  if (handle->listener_ != nullptr) handle->listener_->OnEnvironmentEnd();
}

}  // namespace leasefs
