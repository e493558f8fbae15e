// A descriptor watched by the event loop (uv_poll). libuv frees a handle some time after it is closed, and the
// environment may end at any time; this object lives as long as libuv needs it, apart from its listener.
#ifndef LEASEFS_POLL_HANDLE_H
#define LEASEFS_POLL_HANDLE_H

#include <napi.h>
#include <uv.h>

#include <memory>

namespace leasefs {

class PollHandle {
 public:
  class Listener {
   public:
    /** The descriptor is ready or in error; read(2) or poll(2) say which. Level-triggered, errors too. */
    virtual void OnReady() = 0;
    /** The environment ends: the listener lets its pointer go, and calls no JavaScript. */
    virtual void OnEnvironmentEnd() = 0;

   protected:
    ~Listener() = default;
  };

  /** Closes: the listener gets no more calls, and libuv frees the handle. */
  struct Closer {
    void operator()(PollHandle* handle) const { handle->Close(); }
  };
  using Pointer = std::unique_ptr<PollHandle, Closer>;

  /**
   * Watches for `events`, a set of uv_poll_event. `fd` and `listener` must stay as long as the pointer. The
   * description's O_NONBLOCK, which libuv sets, is put back. Throws: EEXIST when this loop watches `fd` already, EPERM
   * for what cannot be polled.
   */
  static Pointer Open(Napi::Env env, int fd, int events, Listener* listener);

  /** No longer keeps the event loop alive. */
  void Unref() { uv_unref(reinterpret_cast<uv_handle_t*>(&handle_)); }

 private:
  PollHandle(int events, Listener* listener) : events_(events), listener_(listener) { handle_.data = this; }

  void Close();

  static void OnPoll(uv_poll_t* handle, int status, int events);
  static void OnClosed(uv_handle_t* handle);
  static void OnEnvironmentEnd(napi_async_cleanup_hook_handle hook, void* self);

  uv_poll_t handle_;
  int events_;
  Listener* listener_;
  /** The environment waits for us with its end until this is removed. */
  napi_async_cleanup_hook_handle hook_ = nullptr;
};

}  // namespace leasefs

#endif
