#include "addon.h"

namespace leasefs {

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new AddonData(env));
  ExportChannel(env, exports);
  ExportCommand(env, exports);
  ExportControlSocket(env, exports);
  ExportDaemon(env, exports);
  ExportDescriptor(env, exports);
  ExportFdPassing(env, exports);
  ExportFileWorker(env, exports);
  ExportIoctl(env, exports);
  ExportMapping(env, exports);
  ExportMemoryFile(env, exports);
  ExportMount(env, exports);
  ExportPoller(env, exports);
  ExportProcess(env, exports);
  ExportTmpfs(env, exports);
  ExportUring(env, exports);
  ExportUverbs(env, exports);
  return exports;
}

NODE_API_MODULE(leasefs, Init)

}  // namespace leasefs
