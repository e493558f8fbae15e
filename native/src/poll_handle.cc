#include "poll_handle.h"

#include <fcntl.h>

#include "result.h"

namespace leasefs {

PollHandle* PollHandle::Open(Napi::Env env, int fd, int events, Listener* listener) {
  uv_loop_t* loop;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) throw Napi::Error::New(env);
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0) throw SystemError(env, errno, "fcntl");
  auto* self = new PollHandle(events, listener);
  int status = uv_poll_init(loop, &self->handle_, fd);
  if ((flags & O_NONBLOCK) == 0) fcntl(fd, F_SETFL, flags);
  if (status < 0) {
    // A handle that was not initialized is not the loop's.
    delete self;
    throw SystemError(env, -status, "uv_poll_init");
  }
  uv_poll_start(&self->handle_, events, OnPoll);
  napi_add_async_cleanup_hook(env, OnEnvironmentEnd, self, &self->hook_);
  return self;
}

void PollHandle::Close() {
  listener_ = nullptr;
  // Leaves epoll at once, so that the descriptor may be closed next.
  uv_close(reinterpret_cast<uv_handle_t*>(&handle_), OnClosed);
}

void PollHandle::OnPoll(uv_poll_t* handle, int status, int) {
  auto* self = static_cast<PollHandle*>(handle->data);
  // libuv stops a handle when POLLERR comes alone; our listeners close it themselves.
  if (status < 0) uv_poll_start(handle, self->events_, OnPoll);
  self->listener_->OnReady();
}

void PollHandle::OnClosed(uv_handle_t* handle) {
  auto* self = static_cast<PollHandle*>(handle->data);
  napi_remove_async_cleanup_hook(self->hook_);
  delete self;
}

void PollHandle::OnEnvironmentEnd(napi_async_cleanup_hook_handle, void* self) {
  static_cast<PollHandle*>(self)->Close();
}

}  // namespace leasefs
