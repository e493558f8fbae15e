// Shared mappings of files, and anonymous memory, as ArrayBuffers. JavaScript cannot reach a mapping that is gone:
// unmapping detaches the buffer first, and the collector unmaps a buffer that is unreachable.
#include "mapping.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "addon.h"
#include "result.h"

namespace leasefs {
namespace {

/** One range of mmap(2). Lives until the buffer's finalizer has run, which is after unmap() too. */
struct Mapping {
  void* address;
  size_t length;
  bool mapped;
  /** Set by the finalizer while the buffer is being made. */
  bool* finalized;
};

/** Mappings that live, by address; of all threads, as addresses are. */
class Registry {
 public:
  void Add(Mapping* mapping) {
    std::lock_guard<std::mutex> lock(mutex_);
    by_address_[mapping->address] = mapping;
  }

  Mapping* Find(const Bytes& bytes) {
    std::lock_guard<std::mutex> lock(mutex_);
    auto found = by_address_.find(bytes.data);
    return found != by_address_.end() && found->second->length == bytes.length ? found->second : nullptr;
  }

  /** munmap(2), once: 0 or errno. ENOMEM: the kernel has no room to split a map, and the memory stays. */
  int Unmap(Mapping* mapping) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!mapping->mapped) return 0;
    // Before the call: another thread's mmap may get the address as soon as it is free.
    by_address_.erase(mapping->address);
    mapping->mapped = false;
    return munmap(mapping->address, mapping->length) < 0 ? errno : 0;
  }

 private:
  std::mutex mutex_;
  std::unordered_map<void*, Mapping*> by_address_;
};

/** Never destroyed: finalizers may run after static destructors. */
Registry& Mappings() {
  static auto* registry = new Registry();
  return *registry;
}

void Finalize(napi_env, void*, void* hint) {
  auto* mapping = static_cast<Mapping*>(hint);
  Mappings().Unmap(mapping);
  if (mapping->finalized != nullptr) *mapping->finalized = true;
  delete mapping;
}

/**
 * Gives JavaScript what mmap(2) made. Where Node.js refuses the buffer for its length (over 4 GiB on Node.js 20), it has run the
 * finalizer; at other failures it has not.
 */
Napi::Value HandOver(Napi::Env env, void* address, size_t length) {
  bool finalized = false;
  auto* mapping = new Mapping{address, length, true, &finalized};
  Mappings().Add(mapping);
  napi_value buffer;
  if (napi_create_external_arraybuffer(env, address, length, Finalize, mapping, &buffer) != napi_ok) {
    Napi::Error error = Napi::Error::New(env);
    if (!finalized) Finalize(env, address, mapping);
    throw error;
  }
  mapping->finalized = nullptr;
  return {env, buffer};
}

int ProtectionArg(const Napi::CallbackInfo& info, size_t index) {
  return static_cast<int>(IntegerArg(info, index, 0, PROT_READ | PROT_WRITE));
}

Napi::Value Map(const Napi::CallbackInfo& info) {
  int fd = IntArg(info, 0);
  int64_t off = OffsetArg(info, 1);
  auto length = static_cast<size_t>(IntegerArg(info, 2, 1, kMaxSafe));
  int protection = ProtectionArg(info, 3);
  void* address = mmap(nullptr, length, protection, MAP_SHARED, fd, off);
  if (address == MAP_FAILED) throw SystemError(info.Env(), errno, "mmap");
  return HandOver(info.Env(), address, length);
}

/** A number of an array of doubles, as IntegerArg has it. */
int64_t Whole(const Napi::CallbackInfo& info, double value, int64_t min, int64_t max) {
  if (!(value >= static_cast<double>(min) && value <= static_cast<double>(max)) || value != std::trunc(value)) {
    throw Napi::RangeError::New(info.Env(), "a piece must be a descriptor, an offset and a length");
  }
  return static_cast<int64_t>(value);
}

/** Pieces of files side by side in one range: reserved as a whole, then filled, so that nothing else gets between. */
Napi::Value MapPieces(const Napi::CallbackInfo& info) {
  struct Piece {
    int fd;
    int64_t off;
    size_t length;
  };
  auto count = static_cast<size_t>(IntegerArg(info, 1, 1, INT32_MAX));
  const double* numbers = Float64ArrayArg(info, 0, count * 3);
  int protection = ProtectionArg(info, 2);
  std::vector<Piece> pieces;
  size_t length = 0;
  for (size_t i = 0; i < count; i++, numbers += 3) {
    pieces.push_back({static_cast<int>(Whole(info, numbers[0], INT32_MIN, INT32_MAX)),
                      Whole(info, numbers[1], 0, kMaxSafe), static_cast<size_t>(Whole(info, numbers[2], 1, kMaxSafe))});
    // Each piece begins where the one before ends, so all but the last are whole pages.
    if (length % static_cast<size_t>(sysconf(_SC_PAGESIZE)) != 0) throw SystemError(info.Env(), EINVAL, "mmap");
    length += pieces.back().length;
    if (length > static_cast<size_t>(kMaxSafe)) throw SystemError(info.Env(), ENOMEM, "mmap");
  }
  void* address = mmap(nullptr, length, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED) throw SystemError(info.Env(), errno, "mmap");
  auto* at = static_cast<uint8_t*>(address);
  for (const Piece& piece : pieces) {
    if (mmap(at, piece.length, protection, MAP_SHARED | MAP_FIXED, piece.fd, piece.off) == MAP_FAILED) {
      int error = errno;
      // What failed is the mmap; a range that cannot be unmapped either stays reserved.
      munmap(address, length);
      throw SystemError(info.Env(), error, "mmap");
    }
    at += piece.length;
  }
  return HandOver(info.Env(), address, length);
}

Napi::Value MapAnonymous(const Napi::CallbackInfo& info) {
  auto length = static_cast<size_t>(IntegerArg(info, 0, 1, kMaxSafe));
  void* address = mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (address == MAP_FAILED) throw SystemError(info.Env(), errno, "mmap");
  return HandOver(info.Env(), address, length);
}

Napi::Value Unmap(const Napi::CallbackInfo& info) {
  Mapping* mapping = Mappings().Find(ArrayBufferArg(info, 0));
  if (mapping == nullptr) return Failure(info.Env(), EINVAL);
  info[0].As<Napi::ArrayBuffer>().Detach();
  return Failure(info.Env(), Mappings().Unmap(mapping));
}

Napi::Value Madvise(const Napi::CallbackInfo& info) {
  Bytes memory = ArrayBufferArg(info, 0);
  int advice = IntArg(info, 3);
  Bytes range;
  if (!RangeArg(info, memory, 1, 2, &range)) return Failure(info.Env(), EFAULT);
  if (!IsMapping(memory)) return Failure(info.Env(), EINVAL);
  return Result(info.Env(), madvise(range.data, range.length, advice));
}

Napi::Value Msync(const Napi::CallbackInfo& info) {
  Bytes memory = ArrayBufferArg(info, 0);
  Bytes range;
  if (!RangeArg(info, memory, 1, 2, &range)) return Failure(info.Env(), EFAULT);
  if (!IsMapping(memory)) return Failure(info.Env(), EINVAL);
  return Result(info.Env(), msync(range.data, range.length, MS_SYNC));
}

}  // namespace

bool IsMapping(const Bytes& bytes) { return Mappings().Find(bytes) != nullptr; }

void ExportMapping(Napi::Env, Napi::Object exports) {
  Export<Map>(exports, "map");
  Export<MapPieces>(exports, "mapPieces");
  Export<MapAnonymous>(exports, "mapAnonymous");
  Export<Unmap>(exports, "unmap");
  Export<Madvise>(exports, "madvise");
  Export<Msync>(exports, "msync");
}

}  // namespace leasefs
