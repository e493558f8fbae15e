// A descriptor that JavaScript owns: closed by close() or by the collector, whichever comes first.
#ifndef LEASEFS_DESCRIPTOR_H
#define LEASEFS_DESCRIPTOR_H

#include <napi.h>

#include "unique_fd.h"

namespace leasefs {

class Descriptor : public Napi::ObjectWrap<Descriptor> {
 public:
  static Napi::Object Make(Napi::Env env, UniqueFd fd);
  static Napi::Function Define(Napi::Env env);

  static constexpr napi_type_tag kTag = {0x1ea5ef5de5c01, 1};

  /** Made by JavaScript (`new descriptor.constructor()`) it owns nothing. */
  explicit Descriptor(const Napi::CallbackInfo& info) : ObjectWrap(info) { Value().TypeTag(&kTag); }

 private:
  Napi::Value GetFd(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), fd_.Get()); }
  Napi::Value Release(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), fd_.Release()); }
  void Close(const Napi::CallbackInfo&) { fd_.Reset(-1); }

  UniqueFd fd_;
};

}  // namespace leasefs

#endif
