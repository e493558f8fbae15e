// What a process needs to become a daemon that no user can inspect or kill by a stray signal: execve(2) of itself anew,
// and signals ignored for good.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "addon.h"
#include "args.h"
#include "result.h"

namespace leasefs {
namespace {

/** The strings of an Array, and pointers to them as execve takes them. */
class TextArray {
 public:
  TextArray(const Napi::CallbackInfo& info, size_t index) {
    if (!info[index].IsArray()) throw Napi::TypeError::New(info.Env(), "an Array of strings is expected");
    auto array = info[index].As<Napi::Array>();
    for (uint32_t i = 0; i < array.Length(); i++) {
      Napi::Value text = array.Get(i);
      if (!text.IsString()) throw Napi::TypeError::New(info.Env(), "an Array of strings is expected");
      texts_.push_back(text.As<Napi::String>().Utf8Value());
      if (texts_.back().find('\0') != std::string::npos) {
        throw Napi::TypeError::New(info.Env(), "strings without NUL are expected");
      }
    }
    for (std::string& text : texts_) pointers_.push_back(text.data());
    pointers_.push_back(nullptr);
  }

  char* const* Data() const { return pointers_.data(); }

 private:
  std::vector<std::string> texts_;
  std::vector<char*> pointers_;
};

std::vector<int> DescriptorsArg(const Napi::CallbackInfo& info, size_t index) {
  if (!info[index].IsArray()) throw Napi::TypeError::New(info.Env(), "an Array of descriptors is expected");
  auto array = info[index].As<Napi::Array>();
  std::vector<int> numbers;
  for (uint32_t i = 0; i < array.Length(); i++) {
    Napi::Value number = array.Get(i);
    double value = number.IsNumber() ? number.As<Napi::Number>().DoubleValue() : -1;
    if (!(value >= 0 && value <= INT32_MAX) || value != std::trunc(value)) {
      throw Napi::TypeError::New(info.Env(), "an Array of descriptors is expected");
    }
    numbers.push_back(static_cast<int>(value));
  }
  return numbers;
}

bool Keep(int fd) {
  int flags = fcntl(fd, F_GETFD);
  return flags < 0 ? errno == EBADF : fcntl(fd, F_SETFD, flags & ~FD_CLOEXEC) >= 0;
}

/** Node.js ignores two signals and blocks one, which another program would inherit. */
bool RestoreSignals() {
  struct sigaction action = {};
  action.sa_handler = SIG_DFL;
  sigset_t none;
  sigemptyset(&none);
  return sigaction(SIGPIPE, &action, nullptr) == 0 && sigaction(SIGXFSZ, &action, nullptr) == 0 &&
         sigprocmask(SIG_SETMASK, &none, nullptr) == 0;
}

/** Comes back only with -errno. The standard descriptors and those of the last argument stay open in the new program. */
Napi::Value Execute(const Napi::CallbackInfo& info) {
  std::string path = TextArg(info, 0);
  TextArray args(info, 1);
  TextArray env(info, 2);
  std::vector<int> kept = DescriptorsArg(info, 3);
  kept.insert(kept.end(), {0, 1, 2});
  for (int fd : kept) {
    if (!Keep(fd)) return Failure(info.Env(), errno);
  }
  if (!RestoreSignals()) return Failure(info.Env(), EINVAL);
  return Result(info.Env(), execve(path.c_str(), args.Data(), env.Data()));
}

Napi::Value IgnoreSignal(const Napi::CallbackInfo& info) {
  struct sigaction action = {};
  action.sa_handler = SIG_IGN;
  return Result(info.Env(), sigaction(IntArg(info, 0), &action, nullptr));
}

}  // namespace

void ExportDaemon(Napi::Env, Napi::Object exports) {
  Export<Execute>(exports, "execute");
  Export<IgnoreSignal>(exports, "ignoreSignal");
}

}  // namespace leasefs
