// Shared mappings of files as ArrayBuffers. JavaScript cannot reach a mapping that is gone: unmapping detaches the
// buffer first, and a buffer that is forgotten is unmapped by the collector.
#include "mapping.h"

#include <sys/mman.h>

#include <mutex>
#include <unordered_map>

#include "addon.h"
#include "result.h"

namespace leasefs {
namespace {

/** One mmap(2). Lives until the buffer's finalizer has run, which is after unmap() too. */
struct Mapping {
  void* address;
  size_t length;
  bool mapped;
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

  /** munmap(2), once. */
  void Unmap(Mapping* mapping) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (!mapping->mapped) return;
    // Before the call: another thread's mmap may get the address as soon as it is free.
    by_address_.erase(mapping->address);
    munmap(mapping->address, mapping->length);
    mapping->mapped = false;
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

void Finalize(Napi::Env, void*, Mapping* mapping) {
  Mappings().Unmap(mapping);
  delete mapping;
}

Napi::Value Map(const Napi::CallbackInfo& info) {
  int fd = IntArg(info, 0);
  int64_t off = OffsetArg(info, 1);
  auto length = static_cast<size_t>(IntegerArg(info, 2, 1, kMaxSafe));
  int protection = static_cast<int>(IntegerArg(info, 3, 0, PROT_READ | PROT_WRITE));
  void* address = mmap(nullptr, length, protection, MAP_SHARED, fd, off);
  if (address == MAP_FAILED) throw SystemError(info.Env(), errno, "mmap");
  auto* mapping = new Mapping{address, length, true};
  Mappings().Add(mapping);
  try {
    return Napi::ArrayBuffer::New(info.Env(), address, length, Finalize, mapping);
  } catch (const Napi::Error&) {
    Finalize(info.Env(), address, mapping);
    throw;
  }
}

Napi::Value Unmap(const Napi::CallbackInfo& info) {
  Mapping* mapping = Mappings().Find(ArrayBufferArg(info, 0));
  if (mapping == nullptr) return Failure(info.Env(), EINVAL);
  info[0].As<Napi::ArrayBuffer>().Detach();
  Mappings().Unmap(mapping);
  return Failure(info.Env(), 0);
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
  Export<Unmap>(exports, "unmap");
  Export<Madvise>(exports, "madvise");
  Export<Msync>(exports, "msync");
}

}  // namespace leasefs
