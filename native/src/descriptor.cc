// Calls on any descriptor: dup, close, fcntl, poll.
#include "descriptor.h"

#include <fcntl.h>
#include <poll.h>

#include <utility>

#include "addon.h"
#include "args.h"
#include "result.h"

namespace leasefs {

Napi::Object Descriptor::Make(Napi::Env env, UniqueFd fd) {
  Napi::Object made = AddonData::Of(env).descriptor.New({});
  Unwrap(made)->fd_ = std::move(fd);
  return made;
}

Napi::Function Descriptor::Define(Napi::Env env) {
  return DefineClass(env, "Descriptor",
                     {Getter<Descriptor, &Descriptor::GetFd>("fd"), InstanceMethod<&Descriptor::Release>("release"),
                      InstanceMethod<&Descriptor::Close>("close")});
}

namespace {

Napi::Value Open(const Napi::CallbackInfo& info) {
  std::string path = TextArg(info, 0);
  int flags = IntArg(info, 1);
  auto mode = info[2].IsUndefined() ? mode_t{0666} : static_cast<mode_t>(IntegerArg(info, 2, 0, 07777));
  int fd = open(path.c_str(), flags | O_CLOEXEC, mode);
  if (fd < 0) throw SystemError(info.Env(), errno, "open");
  return Descriptor::Make(info.Env(), UniqueFd(fd));
}

Napi::Value Dup(const Napi::CallbackInfo& info) {
  int fd = fcntl(IntArg(info, 0), F_DUPFD_CLOEXEC, 0);
  if (fd < 0) throw SystemError(info.Env(), errno, "dup");
  return Descriptor::Make(info.Env(), UniqueFd(fd));
}

Napi::Value Close(const Napi::CallbackInfo& info) { return Result(info.Env(), close(IntArg(info, 0))); }

/** Whether the third argument of fcntl(2) is a plain number: the others would be taken as an address. */
bool TakesNumber(int command) {
  switch (command) {
    case F_GETFD:
    case F_SETFD:
    case F_GETFL:
    case F_SETFL:
    case F_GETOWN:
    case F_SETOWN:
    case F_GETSIG:
    case F_SETSIG:
    case F_GETLEASE:
    case F_SETLEASE:
    case F_NOTIFY:
    case F_GETPIPE_SZ:
    case F_SETPIPE_SZ:
    case F_ADD_SEALS:
    case F_GET_SEALS:
      return true;
    default:
      return false;
  }
}

Napi::Value Fcntl(const Napi::CallbackInfo& info) {
  int fd = IntArg(info, 0);
  int command = IntArg(info, 1);
  int argument = IntArg(info, 2);
  if (!TakesNumber(command)) return Failure(info.Env(), EINVAL);
  return Result(info.Env(), fcntl(fd, command, argument));
}

Napi::Value FlagsOf(const Napi::CallbackInfo& info) { return Result(info.Env(), fcntl(IntArg(info, 0), F_GETFL)); }

Napi::Value PollWait(const Napi::CallbackInfo& info) {
  pollfd asked = {IntArg(info, 0), static_cast<short>(IntegerArg(info, 1, 0, INT16_MAX)), 0};
  int ms = static_cast<int>(IntegerArg(info, 2, -1, INT32_MAX));
  int n = poll(&asked, 1, ms);
  return Result(info.Env(), n < 0 ? n : asked.revents);
}

}  // namespace

void ExportDescriptor(Napi::Env env, Napi::Object exports) {
  AddonData::Of(env).descriptor = Napi::Persistent(Descriptor::Define(env));
  Export<Open>(exports, "open");
  Export<Dup>(exports, "dup");
  Export<Close>(exports, "close");
  Export<Fcntl>(exports, "fcntl");
  Export<FlagsOf>(exports, "flagsOf");
  Export<PollWait>(exports, "pollWait");
}

}  // namespace leasefs
