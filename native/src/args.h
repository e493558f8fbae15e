// Arguments from JavaScript, checked: each function throws TypeError for a wrong type and RangeError for a number
// that is not whole or does not fit, so that no narrowing below can be undefined. Offsets and lengths arrive as
// doubles, exact to 2^53-1.
#ifndef LEASEFS_ARGS_H
#define LEASEFS_ARGS_H

#include <napi.h>

#include <cstdint>
#include <string>

namespace leasefs {

constexpr int64_t kMaxSafe = (int64_t{1} << 53) - 1;

/** Bytes of an ArrayBuffer; length 0 once it is detached. Valid until JavaScript runs again. */
struct Bytes {
  uint8_t* data = nullptr;
  size_t length = 0;
};

/** A whole number of [min, max], which lie within +-(2^53-1). */
int64_t IntegerArg(const Napi::CallbackInfo& info, size_t index, int64_t min, int64_t max);

/** Any int: what is no descriptor is the kernel's to refuse (EBADF). Also signals, pids, whence. */
inline int IntArg(const Napi::CallbackInfo& info, size_t index) {
  return static_cast<int>(IntegerArg(info, index, INT32_MIN, INT32_MAX));
}
inline uint32_t Uint32Arg(const Napi::CallbackInfo& info, size_t index) {
  return static_cast<uint32_t>(IntegerArg(info, index, 0, UINT32_MAX));
}
/** An offset or a length in bytes: 0 to 2^53-1. */
inline int64_t OffsetArg(const Napi::CallbackInfo& info, size_t index) { return IntegerArg(info, index, 0, kMaxSafe); }

bool BooleanArg(const Napi::CallbackInfo& info, size_t index);
/** UTF-8; no NUL inside, which C would cut at. */
std::string TextArg(const Napi::CallbackInfo& info, size_t index);
Napi::Function FunctionArg(const Napi::CallbackInfo& info, size_t index);
Bytes ArrayBufferArg(const Napi::CallbackInfo& info, size_t index);
/** At least `length` doubles. */
double* Float64ArrayArg(const Napi::CallbackInfo& info, size_t index, size_t length);

/** Arguments `index`, +1 and +2 as ArrayBuffer, offset, length: false unless the range lies within the buffer. */
bool RangeArg(const Napi::CallbackInfo& info, const Bytes& whole, size_t offset_index, size_t length_index,
              Bytes* range);

}  // namespace leasefs

#endif
