// What a kernel call says to JavaScript: a Result (0 or more, or -errno), or a thrown Error in the form of Node's
// own, with `code`, `errno` (positive) and `syscall`.
#ifndef LEASEFS_RESULT_H
#define LEASEFS_RESULT_H

#include <napi.h>
#include <sys/types.h>
#include <uv.h>

#include <cerrno>
#include <cstdint>

namespace leasefs {

/** Calls again while a signal interrupts: what it says, and errno. */
template <typename Call>
ssize_t Uninterrupted(Call call) {
  ssize_t n;
  do n = call();
  while (n < 0 && errno == EINTR);
  return n;
}

/** The answer of a system call that says -1 and errno. */
inline Napi::Value Result(Napi::Env env, int64_t answer) {
  return Napi::Number::New(env, static_cast<double>(answer < 0 ? -errno : answer));
}

/** `-error`; 0 for 0. */
inline Napi::Value Failure(Napi::Env env, int error) { return Napi::Number::New(env, -error); }

/** Ends the process: for a call that can fail only by a bug in this addon. */
inline void Must(bool succeeded, const char* what) {
  if (!succeeded) napi_fatal_error("leasefs", NAPI_AUTO_LENGTH, what, NAPI_AUTO_LENGTH);
}

/** To be thrown. @param error errno, positive. */
inline Napi::Error SystemError(Napi::Env env, int error, const char* syscall) {
  char name[64];
  char text[128];
  uv_err_name_r(-error, name, sizeof name);
  uv_strerror_r(-error, text, sizeof text);
  Napi::Error thrown = Napi::Error::New(env, std::string(name) + ": " + text + ", " + syscall);
  thrown.Set("code", Napi::String::New(env, name));
  thrown.Set("errno", Napi::Number::New(env, error));
  thrown.Set("syscall", Napi::String::New(env, syscall));
  return thrown;
}

/** The environment's event loop; throws. */
inline uv_loop_t* LoopOf(Napi::Env env) {
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) throw Napi::Error::New(env);
  return loop;
}

}  // namespace leasefs

#endif
