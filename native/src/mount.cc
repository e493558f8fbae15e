// mount(2) and umount2(2).
#include <dlfcn.h>
#include <sys/mount.h>

#include "addon.h"
#include "args.h"
#include "result.h"

namespace leasefs {
namespace {

Napi::Value Mount(const Napi::CallbackInfo& info) {
  std::string source = TextArg(info, 0);
  std::string target = TextArg(info, 1);
  std::string type = TextArg(info, 2);
  uint32_t flags = Uint32Arg(info, 3);
  std::string data = TextArg(info, 4);
  return Result(info.Env(), mount(source.c_str(), target.c_str(), type.c_str(), flags, data.c_str()));
}

Napi::Value Umount(const Napi::CallbackInfo& info) {
  std::string target = TextArg(info, 0);
  return Result(info.Env(), umount2(target.c_str(), IntArg(info, 1)));
}

/** dlopen(path, RTLD_NOW | RTLD_GLOBAL), for good: what is loaded later finds its symbols and its SONAME there (F13). */
Napi::Value LoadLibrary(const Napi::CallbackInfo& info) {
  if (dlopen(TextArg(info, 0).c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    throw Napi::Error::New(info.Env(), dlerror());
  }
  return info.Env().Undefined();
}

}  // namespace

void ExportMount(Napi::Env, Napi::Object exports) {
  Export<LoadLibrary>(exports, "loadLibrary");
  Export<Mount>(exports, "mount");
  Export<Umount>(exports, "umount");
}

}  // namespace leasefs
