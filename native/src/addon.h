// What the addon keeps for each environment (the main thread, each Worker), and how its parts put themselves into
// the exports. Each part is one file that knows one family of kernel calls; there is no policy in any of them.
#ifndef LEASEFS_ADDON_H
#define LEASEFS_ADDON_H

#include <napi.h>

namespace leasefs {

struct AddonData {
  explicit AddonData(Napi::Env env) : loop_context(env, "leasefs") {}

  static AddonData& Of(Napi::Env env) { return *env.GetInstanceData<AddonData>(); }

  Napi::FunctionReference descriptor;
  Napi::FunctionReference poller;
  Napi::FunctionReference channel;
  Napi::FunctionReference uring;
  /** What callbacks from the event loop run in, for async_hooks. */
  Napi::AsyncContext loop_context;
};

void ExportChannel(Napi::Env env, Napi::Object exports);
void ExportCommand(Napi::Env env, Napi::Object exports);
void ExportControlSocket(Napi::Env env, Napi::Object exports);
void ExportDaemon(Napi::Env env, Napi::Object exports);
void ExportDescriptor(Napi::Env env, Napi::Object exports);
void ExportFdPassing(Napi::Env env, Napi::Object exports);
void ExportFileWorker(Napi::Env env, Napi::Object exports);
void ExportIoctl(Napi::Env env, Napi::Object exports);
void ExportMapping(Napi::Env env, Napi::Object exports);
void ExportMemoryFile(Napi::Env env, Napi::Object exports);
void ExportMount(Napi::Env env, Napi::Object exports);
void ExportPoller(Napi::Env env, Napi::Object exports);
void ExportProcess(Napi::Env env, Napi::Object exports);
void ExportTmpfs(Napi::Env env, Napi::Object exports);
void ExportUring(Napi::Env env, Napi::Object exports);
void ExportUverbs(Napi::Env env, Napi::Object exports);

template <Napi::Value (*function)(const Napi::CallbackInfo&)>
void Export(Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<function>(exports.Env(), name));
}

/**
 * A getter of class T, which refuses objects of other classes: V8 does so for methods alone. T::kTag marks its objects.
 */
template <typename T, Napi::Value (T::*get)(const Napi::CallbackInfo&)>
napi_property_descriptor Getter(const char* name) {
  napi_callback checked = [](napi_env env, napi_callback_info raw) -> napi_value {
    try {
      Napi::CallbackInfo info(env, raw);
      Napi::Value self = info.This();
      if (!self.IsObject() || !self.As<Napi::Object>().CheckTypeTag(&T::kTag)) {
        throw Napi::TypeError::New(env, "Illegal invocation");
      }
      return (T::Unwrap(self.As<Napi::Object>())->*get)(info);
    } catch (const Napi::Error& error) {
      error.ThrowAsJavaScriptException();
      return nullptr;
    }
  };
  return {name, nullptr, nullptr, checked, nullptr, nullptr, napi_default, nullptr};
}

/** As Napi::CallbackScope, which makes an object each time that Node ignores. */
class LoopScope {
 public:
  LoopScope(napi_env env, napi_async_context context) : env_(env) {
    if (napi_open_callback_scope(env, nullptr, context, &scope_) != napi_ok) throw Napi::Error::New(env);
  }
  ~LoopScope() {
    if (napi_close_callback_scope(env_, scope_) != napi_ok) Napi::Error::Fatal("LoopScope", "not closed");
  }
  LoopScope(const LoopScope&) = delete;
  LoopScope& operator=(const LoopScope&) = delete;

 private:
  napi_env env_;
  napi_callback_scope scope_ = nullptr;
};

/**
 * Runs `body` as the event loop runs any callback: process.nextTick and promises follow it, and what it throws is
 * an uncaught exception.
 */
template <typename Body>
void RunFromLoop(Napi::Env env, Body&& body) {
  Napi::HandleScope handles(env);
  LoopScope scope(env, AddonData::Of(env).loop_context);
  try {
    body();
  } catch (const Napi::Error& error) {
    napi_fatal_exception(env, error.Value());
  }
}

/**
 * Calls back from the loop. What the function throws is an uncaught exception, and `result` stays empty; so it does when
 * the environment is ending and runs no JavaScript any more, which Napi::Function::Call takes for fatal.
 */
template <typename... Arguments>
Napi::Value CallFromLoop(Napi::Env env, napi_value function, Arguments... arguments) {
  napi_value values[] = {arguments...};
  napi_value result = nullptr;
  if (napi_call_function(env, env.Undefined(), function, sizeof...(arguments), values, &result) == napi_ok) {
    return {env, result};
  }
  napi_value error = nullptr;
  if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
  return {};
}

}  // namespace leasefs

#endif
