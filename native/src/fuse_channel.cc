// The /dev/fuse connection in the event loop: a record in, JavaScript, a record out (F24). The kernel's
// counterpart is fs/fuse/dev.c: every read(2) is one whole request, every write(2) one whole answer or notification.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "addon.h"
#include "args.h"
#include "page_table.h"
#include "poll_handle.h"
#include "rest_cpu.h"
#include "result.h"
#include "unique_fd.h"

namespace leasefs {
namespace {

// Of linux/fuse.h since 6.9, newer than Debian 12's.
struct BackingMap {
  int32_t fd;
  uint32_t flags;
  uint64_t padding;
};
constexpr unsigned long kBackingOpen = _IOW(229, 1, BackingMap);
constexpr unsigned long kBackingClose = _IOW(229, 2, uint32_t);

/** fuse_out_header, the shortest record that may be written. */
constexpr int64_t kOutHeader = 16;
/** FUSE_MIN_READ_BUFFER, the least that read(2) accepts. */
constexpr int64_t kMinBuffer = 8192;
constexpr int64_t kMaxBuffer = 64 << 20;
constexpr int64_t kMaxBatch = 1 << 16;
/** Pieces of one vectored record; writev takes 1024 with the head. */
constexpr int64_t kMaxPieces = 512;
/** Turns of the loop that may be skipped in a row. */
constexpr int kTurns = 64;
/**
 * With a client that waits for each reply the second read(2) always returns EAGAIN. After one such miss, skip it for the
 * next kLone requests.
 */
constexpr int kLone = 8;
/** Ready descriptors of the loop that are looked at to find ours. */
constexpr int kReported = 64;
/** More than a timer tick of the kernel: a shorter sleep would program the timer each time. */
constexpr int kSleepMs = 20;
/** us that may be spun. */
constexpr int64_t kMaxSpin = 1000;
/** us that onRequest is given at most. */
constexpr int64_t kLongWait = 1'000'000'000;
/** Between two looks at /dev/fuse the CPU rests for so many turns, about half a microsecond: a look takes the queue's lock. */
constexpr int kRests = 16;
/** Looks between two readings of the loop's own descriptors. */
constexpr int kLooks = 8;

using Clock = std::chrono::steady_clock;

int64_t MicrosecondsSince(Clock::time_point then) {
  return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - then).count();
}

}  // namespace

class FuseChannel : public Napi::ObjectWrap<FuseChannel>, private PollHandle::Listener {
 public:
  /** Without a descriptor; its amounts are arguments 2 and 3. */
  static Napi::Object Make(const Napi::CallbackInfo& info) {
    Napi::Env env = info.Env();
    Napi::Object made = AddonData::Of(env).channel.New({});
    FuseChannel* self = Unwrap(made);
    self->buffer_size_ = static_cast<size_t>(IntegerArg(info, 1, kMinBuffer, kMaxBuffer));
    self->max_batch_ = static_cast<int>(IntegerArg(info, 2, 1, kMaxBatch));
    self->request_ = Napi::Persistent(Napi::ArrayBuffer::New(env, self->buffer_size_));
    self->reply_ = Napi::Persistent(Napi::ArrayBuffer::New(env, self->buffer_size_));
    Populate(BytesOf(self->request_.Value()));
    Populate(BytesOf(self->reply_.Value()));
    return made;
  }

  /** Takes the number over. */
  static Napi::Value Own(Napi::Object channel, int fd) {
    Unwrap(channel)->fd_.Reset(fd);
    return channel;
  }

  static Napi::Function Define(Napi::Env env) {
    return DefineClass(
        env, "Channel",
        {Getter<FuseChannel, &FuseChannel::GetRequest>("request"), Getter<FuseChannel, &FuseChannel::GetReply>("reply"),
         Getter<FuseChannel, &FuseChannel::GetFd>("fd"), Getter<FuseChannel, &FuseChannel::GetLost>("lost"),
         Getter<FuseChannel, &FuseChannel::GetSkipsTurns>("skipsTurns"), InstanceMethod<&FuseChannel::Start>("start"),
         InstanceMethod<&FuseChannel::Spin>("spin"), InstanceMethod<&FuseChannel::Send>("send"),
         InstanceMethod<&FuseChannel::Sendv>("sendv"), InstanceMethod<&FuseChannel::BackingOpen>("backingOpen"),
         InstanceMethod<&FuseChannel::BackingClose>("backingClose"), InstanceMethod<&FuseChannel::Close>("close")});
  }

  static constexpr napi_type_tag kTag = {0x1ea5ef5de5c01, 2};

  explicit FuseChannel(const Napi::CallbackInfo& info) : ObjectWrap(info) { Value().TypeTag(&kTag); }

 private:
  Napi::Value GetRequest(const Napi::CallbackInfo&) { return request_.Value(); }
  Napi::Value GetReply(const Napi::CallbackInfo&) { return reply_.Value(); }
  Napi::Value GetFd(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), fd_.Get()); }
  Napi::Value GetLost(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(lost_));
  }

  Napi::Value GetSkipsTurns(const Napi::CallbackInfo& info) { return Napi::Boolean::New(info.Env(), loop_is_known_); }

  void Start(const Napi::CallbackInfo& info) {
    Napi::Function on_request = FunctionArg(info, 0);
    Napi::Function on_end = FunctionArg(info, 1);
    if (poll_ != nullptr) throw Napi::Error::New(info.Env(), "the channel was started already");
    if (!fd_.IsOpen()) throw SystemError(info.Env(), EBADF, "start");
    loop_ = LoopOf(Env());
    poll_ = PollHandle::Open(Env(), fd_.Get(), UV_READABLE, this);
    on_request_ = Napi::Persistent(on_request);
    on_end_ = Napi::Persistent(on_end);
    // libuv calls us: the collector must not free this object before Stop.
    Ref();
  }

  /** Serves requests, and continues while the loop has nothing else to do: a turn of the loop costs two more waits. */
  void OnReady() override {
    Napi::HandleScope handles(Env());
    // close() inside the callback drops the reference that Start took.
    [[maybe_unused]] Napi::Value alive = Value();
    if (!loop_is_known_) loop_is_known_ = LoopReportsUs();
    int served = 0;
    int turn = 0;
    do {
      RunFromLoop(Env(), [&] { served = Serve(); });
    } while (served > 0 && poll_ != nullptr && loop_is_known_ && ++turn < kTurns && RequestComes());
  }

  /** Waits for a request as the loop would, first without sleeping. False: it is the loop's turn. */
  bool RequestComes() {
    if (spin_ <= 0) return LoopSleepsUntilReady();
    Look seen = LookForRequest();
    return seen == Look::kRequest || (seen == Look::kNothing && LoopSleepsUntilReady());
  }

  enum class Look { kRequest, kNothing, kLoop };

  /**
   * Reads the next request, again and again for `spin_` us: a sleep and a wake cost more than that on a machine whose CPUs
   * stop when they are idle. The loop's timers and descriptors wait no longer than `spin_`.
   */
  Look LookForRequest() {
    uv_update_time(loop_);
    if (uv_backend_timeout(loop_) == 0) return Look::kLoop;
    Napi::HandleScope handles(Env());
    // No JavaScript runs until the request is used.
    Bytes into = BytesOf(request_.Value());
    if (into.length < buffer_size_) return Look::kLoop;
    for (int n = 1;; n++) {
      ssize_t length = read(fd_.Get(), into.data, buffer_size_);
      if (length > 0) {
        found_ = length;
        return Look::kRequest;
      }
      // Serve meets the error again, and ends with it.
      if (length == 0 || errno != EAGAIN) return Look::kNothing;
      bool over = MicrosecondsSince(answered_) >= spin_;
      if ((over || n % kLooks == 0) && OthersAreReady()) return Look::kLoop;
      if (over) return Look::kNothing;
      for (int i = 0; i < kRests; i++) RestCpu();
    }
  }

  bool OthersAreReady() {
    epoll_event events[2];
    int count = epoll_wait(uv_backend_fd(loop_), events, 2, 0);
    return std::any_of(events, events + std::max(count, 0),
                       [&](const epoll_event& event) { return event.data.fd != fd_.Get(); });
  }

  void Spin(const Napi::CallbackInfo& info) { spin_ = IntegerArg(info, 0, -1, kMaxSpin); }

  /** us since the last answer, for onRequest; -1 where `spin` was never called. */
  int64_t Waited() const { return spin_ < 0 ? -1 : std::min(MicrosecondsSince(answered_), kLongWait); }

  /**
   * Asked at a wake, before the request is read: whether libuv is as LoopSleepsUntilReady takes it, its backend an epoll
   * set whose entries carry their descriptor in data.fd. So is libuv 1.46 to 1.51 (Node.js 20.12 to 24); no document
   * promises it. With another libuv each request costs a turn of the loop, and nothing else changes.
   */
  bool LoopReportsUs() {
    if (uv_version() >> 16 != 1) return false;
    epoll_event events[kReported];
    int count = epoll_wait(uv_backend_fd(loop_), events, kReported, 0);
    return std::any_of(events, events + std::max(count, 0),
                       [&](const epoll_event& event) { return event.data.u64 == static_cast<uint64_t>(fd_.Get()); });
  }

  /**
   * Sleeps as the loop would. True: a request is ready, as far as the loop knows. What was started in this very turn the
   * loop does not know yet, hence the limit.
   */
  bool LoopSleepsUntilReady() {
    uv_update_time(loop_);
    int timeout = uv_backend_timeout(loop_);
    if (timeout == 0) return false;
    // What it reports stays reported: the loop's own descriptors are level-triggered.
    epoll_event event;
    int ready = epoll_wait(uv_backend_fd(loop_), &event, 1, timeout < 0 || timeout > kSleepMs ? kSleepMs : timeout);
    return ready == 1 && event.data.fd == fd_.Get();
  }

  /** How many requests there were. Their handles, three each, end with the caller's scope. */
  int Serve() {
    const Napi::ArrayBuffer request = request_.Value();
    const Napi::ArrayBuffer reply = reply_.Value();
    const Napi::Function on_request = on_request_.Value();
    for (int n = 0; n < max_batch_; n++) {
      // Looked at each time: JavaScript may have detached it.
      Bytes into = BytesOf(request);
      if (into.length < buffer_size_) return End(EFAULT);
      ssize_t length = std::exchange(found_, 0);
      if (length == 0) length = read(fd_.Get(), into.data, buffer_size_);
      if (length < 0) {
        if (errno == EAGAIN) {
          if (n == 1) lone_ = kLone;
          return n;
        }
        if (errno == EINTR || errno == ENOENT) continue;  // ENOENT: the request was aborted before we had it
        return End(errno);
      }
      if (length == 0) return End(ENODEV);  // not of /dev/fuse: the other end of a socket is gone
      Napi::Value answer = CallFromLoop(Env(), on_request, Napi::Number::New(Env(), static_cast<double>(length)),
                                        Napi::Number::New(Env(), static_cast<double>(Waited())));
      if (answer.IsEmpty() || !fd_.IsOpen()) return 0;
      Reply(answer, reply);
      if (spin_ >= 0) answered_ = Clock::now();
      if (lone_ > 0) {
        lone_--;
        return 1;
      }
    }
    return max_batch_;
  }

  static Bytes BytesOf(Napi::ArrayBuffer buffer) {
    void* data = nullptr;
    size_t length = 0;
    if (napi_get_arraybuffer_info(buffer.Env(), buffer, &data, &length) != napi_ok) return {};
    return {static_cast<uint8_t*>(data), length};
  }

  /** Writes what the callback left in `reply`. */
  void Reply(Napi::Value answer, Napi::ArrayBuffer reply) {
    double length;
    if (napi_get_value_double(Env(), answer, &length) != napi_ok) {
      throw Napi::TypeError::New(Env(), "onRequest must return the length of its reply");
    }
    if (length == 0) return;
    Bytes from = BytesOf(reply);
    if (!(length >= kOutHeader && length <= static_cast<double>(from.length))) {
      throw Napi::RangeError::New(Env(), "onRequest returned a length that is no reply's");
    }
    if (Write(from.data, static_cast<size_t>(length)) < 0) lost_++;
  }

  /** 0 or more, or -1 and errno. A request that the kernel has aborted (ENOENT) needs no answer: 0. */
  ssize_t Write(const void* data, size_t length) {
    ssize_t n = Uninterrupted([&] { return write(fd_.Get(), data, length); });
    return n < 0 && errno == ENOENT ? 0 : n;
  }

  Napi::Value Send(const Napi::CallbackInfo& info) {
    if (!fd_.IsOpen()) return Failure(info.Env(), EBADF);
    Napi::ArrayBuffer reply = reply_.Value();
    auto length = static_cast<size_t>(IntegerArg(info, 0, kOutHeader, kMaxBuffer));
    if (length > reply.ByteLength()) return Failure(info.Env(), EFAULT);
    return Result(info.Env(), Write(reply.Data(), length));
  }

  Napi::Value Sendv(const Napi::CallbackInfo& info) {
    if (!fd_.IsOpen()) return Failure(info.Env(), EBADF);
    Napi::ArrayBuffer reply = reply_.Value();
    auto length = static_cast<size_t>(IntegerArg(info, 0, kOutHeader, kMaxBuffer));
    auto count = static_cast<uint32_t>(IntegerArg(info, 3, 0, kMaxPieces));
    if (!info[1].IsArray()) throw Napi::TypeError::New(info.Env(), "argument 2 must be an Array");
    auto memories = info[1].As<Napi::Array>();
    // First all elements: an accessor among them runs JavaScript, after which no address is known.
    napi_value buffers[kMaxPieces];
    for (uint32_t i = 0; i < count; i++) {
      Napi::Value memory = memories.Get(i);
      if (!memory.IsArrayBuffer()) throw Napi::TypeError::New(info.Env(), "argument 2 must hold ArrayBuffers");
      buffers[i] = memory;
    }
    const double* places = Float64ArrayArg(info, 2, 2 * count);
    Bytes head = BytesOf(reply);
    if (length > head.length) return Failure(info.Env(), EFAULT);
    iovec parts[1 + kMaxPieces];
    parts[0] = {head.data, length};
    for (uint32_t i = 0; i < count; i++) {
      Bytes memory = BytesOf(Napi::ArrayBuffer(info.Env(), buffers[i]));
      double at = places[2 * i];
      double bytes = places[2 * i + 1];
      bool fits = at >= 0 && bytes >= 0 && at + bytes <= static_cast<double>(memory.length);
      if (!fits) return Failure(info.Env(), EFAULT);
      parts[1 + i] = {memory.data + static_cast<size_t>(at), static_cast<size_t>(bytes)};
    }
    for (uint32_t i = 0; i < count; i++) PopulateForLoads(parts[1 + i]);
    ssize_t n = Uninterrupted([&] { return writev(fd_.Get(), parts, static_cast<int>(1 + count)); });
    return Result(info.Env(), n < 0 && errno == ENOENT ? 0 : n);
  }

  Napi::Value BackingOpen(const Napi::CallbackInfo& info) {
    BackingMap map = {IntArg(info, 0), 0, 0};
    return Result(info.Env(), ioctl(fd_.Get(), kBackingOpen, &map));
  }

  Napi::Value BackingClose(const Napi::CallbackInfo& info) {
    uint32_t id = Uint32Arg(info, 0);
    return Result(info.Env(), ioctl(fd_.Get(), kBackingClose, &id));
  }

  void OnEnvironmentEnd() override { poll_.reset(); }

  /** Stops polling; releases the JavaScript functions and this object. */
  void Stop() {
    if (poll_ == nullptr) return;
    poll_.reset();
    on_request_.Reset();
    on_end_.Reset();
    Unref();
  }

  int End(int error) {
    Napi::Function on_end = on_end_.Value();
    Stop();
    CallFromLoop(Env(), on_end, Napi::Number::New(Env(), error));
    return 0;
  }

  void Close(const Napi::CallbackInfo&) {
    Stop();
    fd_.Reset(-1);
  }

  UniqueFd fd_;
  size_t buffer_size_ = 0;
  int max_batch_ = 0;
  /** Replies that the kernel did not take, ENOENT apart. */
  uint64_t lost_ = 0;
  Napi::Reference<Napi::ArrayBuffer> request_;
  Napi::Reference<Napi::ArrayBuffer> reply_;
  Napi::FunctionReference on_request_;
  Napi::FunctionReference on_end_;
  PollHandle::Pointer poll_;
  uv_loop_t* loop_ = nullptr;
  bool loop_is_known_ = false;
  /** The next requests that are answered without a second read(2), since the last one returned EAGAIN. */
  int lone_ = 0;
  /** us; 0: sleep at once; -1: take no times either. */
  int64_t spin_ = -1;
  Clock::time_point answered_;
  /** The length of a request that lies in `request_` already; 0: none. */
  ssize_t found_ = 0;
};

namespace {

Napi::Value OpenFuse(const Napi::CallbackInfo& info) {
  std::string device = TextArg(info, 0);
  Napi::Object channel = FuseChannel::Make(info);
  int fd = open(device.c_str(), O_RDWR | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) throw SystemError(info.Env(), errno, "open");
  return FuseChannel::Own(channel, fd);
}

Napi::Value AdoptFuse(const Napi::CallbackInfo& info) {
  int fd = IntArg(info, 0);
  Napi::Object channel = FuseChannel::Make(info);
  int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
    throw SystemError(info.Env(), errno, "fcntl");
  }
  return FuseChannel::Own(channel, fd);
}

}  // namespace

void ExportChannel(Napi::Env env, Napi::Object exports) {
  AddonData::Of(env).channel = Napi::Persistent(FuseChannel::Define(env));
  Export<OpenFuse>(exports, "openFuse");
  Export<AdoptFuse>(exports, "adoptFuse");
}

}  // namespace leasefs
