#include "args.h"

#include <cmath>

namespace leasefs {

namespace {

std::string Position(size_t index) { return "argument " + std::to_string(index + 1); }

Napi::TypeError Expected(const Napi::CallbackInfo& info, size_t index, const char* what) {
  return Napi::TypeError::New(info.Env(), Position(index) + " must be " + what);
}

}  // namespace

int64_t IntegerArg(const Napi::CallbackInfo& info, size_t index, int64_t min, int64_t max) {
  double value;
  if (napi_get_value_double(info.Env(), info[index], &value) != napi_ok) throw Expected(info, index, "a number");
  // NaN fails the first comparison; within the bounds the double is exact.
  if (!(value >= static_cast<double>(min) && value <= static_cast<double>(max)) || value != std::trunc(value)) {
    throw Napi::RangeError::New(info.Env(), Position(index) + " must be a whole number from " + std::to_string(min) +
                                                " to " + std::to_string(max));
  }
  return static_cast<int64_t>(value);
}

bool BooleanArg(const Napi::CallbackInfo& info, size_t index) {
  bool value;
  if (napi_get_value_bool(info.Env(), info[index], &value) != napi_ok) throw Expected(info, index, "a boolean");
  return value;
}

std::string TextArg(const Napi::CallbackInfo& info, size_t index) {
  if (!info[index].IsString()) throw Expected(info, index, "a string");
  std::string text = info[index].As<Napi::String>().Utf8Value();
  if (text.find('\0') != std::string::npos) throw Expected(info, index, "a string without NUL");
  return text;
}

Napi::Function FunctionArg(const Napi::CallbackInfo& info, size_t index) {
  if (!info[index].IsFunction()) throw Expected(info, index, "a function");
  return info[index].As<Napi::Function>();
}

Bytes ArrayBufferArg(const Napi::CallbackInfo& info, size_t index) {
  void* data;
  Bytes bytes;
  if (napi_get_arraybuffer_info(info.Env(), info[index], &data, &bytes.length) != napi_ok) {
    throw Expected(info, index, "an ArrayBuffer");
  }
  bytes.data = static_cast<uint8_t*>(data);
  return bytes;
}

double* Float64ArrayArg(const Napi::CallbackInfo& info, size_t index, size_t length) {
  napi_typedarray_type type;
  size_t actual;
  void* data;
  if (napi_get_typedarray_info(info.Env(), info[index], &type, &actual, &data, nullptr, nullptr) != napi_ok ||
      type != napi_float64_array) {
    throw Expected(info, index, "a Float64Array");
  }
  if (actual < length) {
    throw Napi::RangeError::New(info.Env(),
                                Position(index) + " must have at least " + std::to_string(length) + " elements");
  }
  return static_cast<double*>(data);
}

bool RangeArg(const Napi::CallbackInfo& info, const Bytes& whole, size_t offset_index, size_t length_index,
              Bytes* range) {
  auto offset = static_cast<size_t>(OffsetArg(info, offset_index));
  auto length = static_cast<size_t>(OffsetArg(info, length_index));
  if (offset > whole.length || length > whole.length - offset) return false;
  range->data = whole.data + offset;
  range->length = length;
  return true;
}

}  // namespace leasefs
