// poll(2) in the event loop, for a callback of JavaScript.
#include <poll.h>

#include "addon.h"
#include "args.h"
#include "poll_handle.h"
#include "result.h"

namespace leasefs {

class Poller : public Napi::ObjectWrap<Poller>, private PollHandle::Listener {
 public:
  static Napi::Object Make(Napi::Env env, int fd, short events, Napi::Function callback) {
    Napi::Object made = AddonData::Of(env).poller.New({});
    Unwrap(made)->Start(fd, events, callback);
    return made;
  }

  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "Poller",
                       {InstanceMethod<&Poller::Close>("close"), InstanceMethod<&Poller::Unref>("unref")});
  }

  explicit Poller(const Napi::CallbackInfo& info) : ObjectWrap(info) {}

 private:
  void Start(int fd, short events, Napi::Function callback) {
    int watched = 0;
    if (events & POLLIN) watched |= UV_READABLE;
    if (events & POLLOUT) watched |= UV_WRITABLE;
    if (events & POLLPRI) watched |= UV_PRIORITIZED;
    if (events & POLLRDHUP) watched |= UV_DISCONNECT;
    poll_ = PollHandle::Open(Env(), fd, watched, this);
    asked_ = {fd, events, 0};
    callback_ = Napi::Persistent(callback);
    // libuv calls us: the collector must not free this before Close.
    ObjectWrap::Ref();
  }

  void OnReady() override {
    // libuv's events are not poll's (no POLLHUP, POLLERR as an error): ask the descriptor itself.
    if (poll(&asked_, 1, 0) <= 0) return;
    RunFromLoop(Env(), [this] {
      // close() inside the callback drops the reference that Start took.
      [[maybe_unused]] Napi::Value alive = Value();
      CallFromLoop(Env(), callback_.Value(), Napi::Number::New(Env(), asked_.revents));
    });
  }

  void OnEnvironmentEnd() override { poll_.reset(); }

  void Close(const Napi::CallbackInfo&) {
    if (poll_ == nullptr) return;
    poll_.reset();
    callback_.Reset();
    ObjectWrap::Unref();
  }

  void Unref(const Napi::CallbackInfo&) {
    if (poll_ != nullptr) poll_->Unref();
  }

  PollHandle::Pointer poll_;
  pollfd asked_ = {-1, 0, 0};
  Napi::FunctionReference callback_;
};

namespace {

Napi::Value Poll(const Napi::CallbackInfo& info) {
  int fd = IntArg(info, 0);
  auto events = static_cast<short>(IntegerArg(info, 1, 1, INT16_MAX));
  if ((events & (POLLIN | POLLOUT | POLLPRI | POLLRDHUP)) == 0) {
    throw Napi::RangeError::New(info.Env(), "no event to wait for");
  }
  return Poller::Make(info.Env(), fd, events, FunctionArg(info, 2));
}

}  // namespace

void ExportPoller(Napi::Env env, Napi::Object exports) {
  AddonData::Of(env).poller = Napi::Persistent(Poller::Define(env));
  Export<Poll>(exports, "poll");
}

}  // namespace leasefs
