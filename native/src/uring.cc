// io_uring(7) by raw system calls: one registered buffer, one read at a time. For `leasefs doctor`, `demo` and `io` and
// for the tests, which need real pins; the daemon makes no ring. Registering a buffer takes FOLL_LONGTERM references to
// its pages, as RDMA's memory registration does (F7), so that a read into it is DMA that no longer asks the page
// tables where the file's blocks are.
#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <cstring>
#include <utility>

#include "addon.h"
#include "args.h"
#include "mapping.h"
#include "result.h"
#include "unique_fd.h"

namespace leasefs {
namespace {

/** Of io_uring_register(2), with room for newer kernels. */
constexpr size_t kLargestStruct = 256;

/** A part of the ring's memory, unmapped at the end. */
class RingMemory {
 public:
  RingMemory() = default;
  RingMemory(int ring, size_t length, off_t which)
      : address_(mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, which)),
        length_(length) {}
  RingMemory(RingMemory&& other) noexcept { *this = std::move(other); }
  RingMemory& operator=(RingMemory&& other) noexcept {
    std::swap(address_, other.address_);
    std::swap(length_, other.length_);
    return *this;
  }
  ~RingMemory() {
    if (address_ != MAP_FAILED) munmap(address_, length_);
  }

  bool IsMapped() const { return address_ != MAP_FAILED; }
  template <typename T>
  T* At(uint32_t offset) const {
    return reinterpret_cast<T*>(static_cast<char*>(address_) + offset);
  }

 private:
  void* address_ = MAP_FAILED;
  size_t length_ = 0;
};

/** What a process that inherits the ring's descriptor must know to use it: handed over as the bytes it is. */
struct Shape {
  io_uring_params params;
  /** What is registered; length 0 when nothing is. The addresses are those of the process that registered it. */
  iovec buffer;
};

}  // namespace

class Uring : public Napi::ObjectWrap<Uring> {
 public:
  static Napi::Object Make(Napi::Env env, uint32_t entries) {
    Napi::Object made = AddonData::Of(env).uring.New({});
    Unwrap(made)->Setup(entries);
    return made;
  }

  /** Takes the number over where it is a ring of that shape. */
  static Napi::Object Adopt(Napi::Env env, int ring, const Shape& shape) {
    Napi::Object made = AddonData::Of(env).uring.New({});
    Unwrap(made)->Map(ring, shape);
    Unwrap(made)->ring_.Reset(ring);
    return made;
  }

  static Napi::Function Define(Napi::Env env) {
    return DefineClass(
        env, "Uring",
        {Getter<Uring, &Uring::GetFd>("fd"), InstanceMethod<&Uring::Register>("register"),
         InstanceMethod<&Uring::Unregister>("unregister"), InstanceMethod<&Uring::ReadFixed>("readFixed"),
         InstanceMethod<&Uring::GetShape>("shape"), InstanceMethod<&Uring::Close>("close")});
  }

  static constexpr napi_type_tag kTag = {0x1ea5ef5de5c01, 3};

  explicit Uring(const Napi::CallbackInfo& info) : ObjectWrap(info) { Value().TypeTag(&kTag); }

 private:
  void Setup(uint32_t entries) {
    Shape shape;
    memset(&shape, 0, sizeof shape);
    UniqueFd ring(static_cast<int>(syscall(SYS_io_uring_setup, entries, &shape.params)));
    if (!ring.IsOpen()) throw SystemError(Env(), errno, "io_uring_setup");
    Map(ring.Get(), shape);
    ring_ = std::move(ring);
  }

  void Map(int ring, const Shape& shape) {
    const io_uring_params& params = shape.params;
    RingMemory submissions(ring, params.sq_off.array + params.sq_entries * sizeof(uint32_t), IORING_OFF_SQ_RING);
    RingMemory completions(ring, params.cq_off.cqes + params.cq_entries * sizeof(io_uring_cqe), IORING_OFF_CQ_RING);
    RingMemory entries_memory(ring, params.sq_entries * sizeof(io_uring_sqe), IORING_OFF_SQES);
    if (!submissions.IsMapped() || !completions.IsMapped() || !entries_memory.IsMapped()) {
      throw SystemError(Env(), errno, "mmap");
    }
    shape_ = shape;
    submissions_ = std::move(submissions);
    completions_ = std::move(completions);
    entries_ = std::move(entries_memory);
  }

  Napi::Value GetFd(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), ring_.Get()); }

  Napi::Value GetShape(const Napi::CallbackInfo& info) {
    Napi::ArrayBuffer copy = Napi::ArrayBuffer::New(info.Env(), sizeof shape_);
    memcpy(copy.Data(), &shape_, sizeof shape_);
    return copy;
  }

  Napi::Value Register(const Napi::CallbackInfo& info) {
    Bytes memory = ArrayBufferArg(info, 0);
    Bytes range;
    if (!RangeArg(info, memory, 1, 2, &range)) return Failure(info.Env(), EFAULT);
    if (!IsMapping(memory)) return Failure(info.Env(), EINVAL);
    // The kernel has a meaning of its own for -1.
    if (!ring_.IsOpen()) return Failure(info.Env(), EBADF);
    iovec buffer = {range.data, range.length};
    int64_t answer = syscall(SYS_io_uring_register, ring_.Get(), IORING_REGISTER_BUFFERS, &buffer, 1);
    if (answer >= 0) shape_.buffer = buffer;
    return Result(info.Env(), answer);
  }

  Napi::Value Unregister(const Napi::CallbackInfo& info) {
    if (!ring_.IsOpen()) return Failure(info.Env(), EBADF);
    int64_t answer = syscall(SYS_io_uring_register, ring_.Get(), IORING_UNREGISTER_BUFFERS, nullptr, 0);
    if (answer >= 0) shape_.buffer = {nullptr, 0};
    return Result(info.Env(), answer);
  }

  Napi::Value ReadFixed(const Napi::CallbackInfo& info) {
    int fd = IntArg(info, 0);
    int64_t off = OffsetArg(info, 1);
    auto at = static_cast<size_t>(OffsetArg(info, 2));
    auto length = static_cast<size_t>(IntegerArg(info, 3, 0, INT32_MAX));
    if (!ring_.IsOpen()) return Failure(info.Env(), EBADF);
    if (at > shape_.buffer.iov_len || length > shape_.buffer.iov_len - at) return Failure(info.Env(), EFAULT);

    auto* tail = submissions_.At<uint32_t>(shape_.params.sq_off.tail);
    uint32_t slot = *tail & *submissions_.At<uint32_t>(shape_.params.sq_off.ring_mask);
    auto* entry = entries_.At<io_uring_sqe>(0) + slot;
    memset(entry, 0, sizeof *entry);
    entry->opcode = IORING_OP_READ_FIXED;
    entry->fd = fd;
    entry->off = static_cast<uint64_t>(off);
    // An address inside the registered buffer. The pages are those of the registration, even if another mapping is there now.
    entry->addr = reinterpret_cast<uint64_t>(shape_.buffer.iov_base) + at;
    entry->len = static_cast<uint32_t>(length);
    entry->buf_index = 0;
    submissions_.At<uint32_t>(shape_.params.sq_off.array)[slot] = slot;
    __atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
    return Napi::Number::New(info.Env(), static_cast<double>(Complete()));
  }

  /** Submits what is in the ring and waits for its one completion: its answer, or -errno. */
  int64_t Complete() {
    auto* head = completions_.At<uint32_t>(shape_.params.cq_off.head);
    auto* tail = completions_.At<uint32_t>(shape_.params.cq_off.tail);
    uint32_t submit = 1;
    while (*head == __atomic_load_n(tail, __ATOMIC_ACQUIRE)) {
      long n = syscall(SYS_io_uring_enter, ring_.Get(), submit, 1, IORING_ENTER_GETEVENTS, nullptr, 0);
      if (n < 0 && errno != EINTR) return -errno;
      if (n > 0) submit = 0;
    }
    uint32_t slot = *head & *completions_.At<uint32_t>(shape_.params.cq_off.ring_mask);
    int64_t answer = completions_.At<io_uring_cqe>(shape_.params.cq_off.cqes)[slot].res;
    __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE);
    return answer;
  }

  void Close(const Napi::CallbackInfo&) {
    // The mappings hold the ring too (and with it the pins).
    submissions_ = RingMemory();
    completions_ = RingMemory();
    entries_ = RingMemory();
    shape_.buffer = {nullptr, 0};
    ring_.Reset(-1);
  }

  UniqueFd ring_;
  Shape shape_ = {};
  RingMemory submissions_;
  RingMemory completions_;
  RingMemory entries_;
};

namespace {

Napi::Value MakeUring(const Napi::CallbackInfo& info) {
  return Uring::Make(info.Env(), static_cast<uint32_t>(IntegerArg(info, 0, 1, 4096)));
}

Napi::Value AdoptUring(const Napi::CallbackInfo& info) {
  int ring = IntArg(info, 0);
  Bytes bytes = ArrayBufferArg(info, 1);
  Shape shape;
  if (bytes.length != sizeof shape) throw Napi::TypeError::New(info.Env(), "not the shape of a ring");
  memcpy(&shape, bytes.data, sizeof shape);
  return Uring::Adopt(info.Env(), ring, shape);
}

Napi::Value UringRegister(const Napi::CallbackInfo& info) {
  int fd = IntArg(info, 0);
  uint32_t opcode = Uint32Arg(info, 1);
  if (info[2].IsUndefined()) return Result(info.Env(), syscall(SYS_io_uring_register, fd, opcode, nullptr, 0));
  Bytes data = ArrayBufferArg(info, 2);
  if (data.length < kLargestStruct) return Failure(info.Env(), EINVAL);
  return Result(info.Env(), syscall(SYS_io_uring_register, fd, opcode, data.data, 1));
}

}  // namespace

void ExportUring(Napi::Env env, Napi::Object exports) {
  AddonData::Of(env).uring = Napi::Persistent(Uring::Define(env));
  Export<MakeUring>(exports, "uring");
  Export<AdoptUring>(exports, "adoptUring");
  Export<UringRegister>(exports, "uringRegister");
}

}  // namespace leasefs
