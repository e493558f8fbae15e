// Processes: pidfds, signals with a value, which thread belongs to whom, limits.
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/kcmp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>

#include "addon.h"
#include "args.h"
#include "descriptor.h"
#include "result.h"
#include "unique_fd.h"

namespace leasefs {
namespace {

/** Since Linux 6.9, newer than Debian 12's headers: PIDFD_THREAD. */
constexpr unsigned kPidfdThread = O_EXCL;

Napi::Value OpenPidfd(const Napi::CallbackInfo& info, unsigned flags) {
  // The kernel sets close-on-exec on its own.
  long fd = syscall(SYS_pidfd_open, IntArg(info, 0), flags);
  if (fd < 0) throw SystemError(info.Env(), errno, "pidfd_open");
  return Descriptor::Make(info.Env(), UniqueFd(static_cast<int>(fd)));
}

Napi::Value PidfdOpen(const Napi::CallbackInfo& info) { return OpenPidfd(info, 0); }

Napi::Value PidfdOpenThread(const Napi::CallbackInfo& info) { return OpenPidfd(info, kPidfdThread); }

Napi::Value PidfdGetfd(const Napi::CallbackInfo& info) {
  // Close-on-exec too.
  long fd = syscall(SYS_pidfd_getfd, IntArg(info, 0), IntArg(info, 1), 0);
  if (fd < 0) throw SystemError(info.Env(), errno, "pidfd_getfd");
  return Descriptor::Make(info.Env(), UniqueFd(static_cast<int>(fd)));
}

/** The 64 bits of a bigint argument. */
uint64_t ValueArg(const Napi::CallbackInfo& info, size_t index) {
  if (!info[index].IsBigInt()) throw Napi::TypeError::New(info.Env(), "the signal's value must be a bigint");
  bool lossless;
  uint64_t value = info[index].As<Napi::BigInt>().Uint64Value(&lossless);
  if (!lossless) throw Napi::RangeError::New(info.Env(), "the signal's value must be from 0 to 2^64-1");
  return value;
}

Napi::Value PidfdSignal(const Napi::CallbackInfo& info) {
  int pidfd = IntArg(info, 0);
  int signal = IntArg(info, 1);
  if (info[2].IsUndefined()) {
    return Result(info.Env(), syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0));
  }
  // What sigqueue(3) fills in.
  siginfo_t siginfo;
  memset(&siginfo, 0, sizeof siginfo);
  siginfo.si_signo = signal;
  siginfo.si_code = SI_QUEUE;
  siginfo.si_pid = getpid();
  siginfo.si_uid = getuid();
  siginfo.si_value.sival_ptr = reinterpret_cast<void*>(ValueArg(info, 2));
  return Result(info.Env(), syscall(SYS_pidfd_send_signal, pidfd, signal, &siginfo, 0));
}

Napi::Value ThreadOf(const Napi::CallbackInfo& info) {
  long answer = syscall(SYS_tgkill, IntArg(info, 0), IntArg(info, 1), 0);
  // EPERM: we may not signal it, but the kernel found the thread in that process first.
  if (answer < 0 && errno == EPERM) answer = 0;
  return Result(info.Env(), answer);
}

double LimitValue(rlim_t limit) {
  return limit == RLIM_INFINITY ? std::numeric_limits<double>::infinity() : static_cast<double>(limit);
}

/** From /proc/PID/limits, which every user may read: a quarter of a page of text, 20 times the price of prlimit(2). */
Napi::Value MemlockFromProc(const Napi::CallbackInfo& info, int pid) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/limits", pid);
  std::unique_ptr<FILE, int (*)(FILE*)> file(fopen(path, "re"), fclose);
  if (!file) return Failure(info.Env(), errno == ENOENT ? ESRCH : errno);
  char line[256];
  while (fgets(line, sizeof line, file.get())) {
    unsigned long long soft;
    if (sscanf(line, "Max locked memory %llu", &soft) == 1) {
      return Napi::Number::New(info.Env(), static_cast<double>(soft));
    }
    if (strncmp(line, "Max locked memory", 17) == 0) {
      return Napi::Number::New(info.Env(), std::numeric_limits<double>::infinity());
    }
  }
  // For a process that has ended since, read(2) says ESRCH or returns nothing.
  return Failure(info.Env(), ESRCH);
}

Napi::Value MemlockOf(const Napi::CallbackInfo& info) {
  int pid = IntArg(info, 0);
  rlimit limit;
  // 0 would be ourselves.
  if (pid > 0 && prlimit(pid, RLIMIT_MEMLOCK, nullptr, &limit) == 0) {
    return Napi::Number::New(info.Env(), LimitValue(limit.rlim_cur));
  }
  // Another user's needs CAP_SYS_RESOURCE.
  return MemlockFromProc(info, pid);
}

/** What a link of /proc/PID/ns says: "user:[4026531837]". */
struct NamespaceName {
  char text[32];
  ssize_t length = -1;
};

/** The link itself, by a descriptor of it (O_PATH | O_NOFOLLOW). */
NamespaceName NamespaceOf(int link) {
  NamespaceName name;
  name.length = readlinkat(link, "", name.text, sizeof name.text);
  return name;
}

bool InOurUserNamespace(int link) {
  // Ours never changes: a process of several threads cannot leave its own.
  static const NamespaceName ours = [] {
    UniqueFd self(open("/proc/self/ns/user", O_PATH | O_NOFOLLOW | O_CLOEXEC));
    return NamespaceOf(self.Get());
  }();
  NamespaceName theirs = NamespaceOf(link);
  return theirs.length > 0 && theirs.length == ours.length &&
         memcmp(theirs.text, ours.text, static_cast<size_t>(ours.length)) == 0;
}

Napi::Value HasCapability(const Napi::CallbackInfo& info) {
  uint32_t capability = Uint32Arg(info, 1);
  int link = IntArg(info, 2);
  if (capability > CAP_LAST_CAP) return Failure(info.Env(), EINVAL);
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, IntArg(info, 0)};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
  if (syscall(SYS_capget, &header, data) < 0) return Failure(info.Env(), errno);
  bool effective = data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability);
  return Napi::Number::New(info.Env(), effective && (link < 0 || InOurUserNamespace(link)) ? 1 : 0);
}

Napi::Value SameDescription(const Napi::CallbackInfo& info) {
  return Result(info.Env(), syscall(SYS_kcmp, IntArg(info, 0), IntArg(info, 2), KCMP_FILE,
                                    static_cast<unsigned long>(Uint32Arg(info, 1)),
                                    static_cast<unsigned long>(Uint32Arg(info, 3))));
}

Napi::Value ReadMemory(const Napi::CallbackInfo& info) {
  Bytes into = ArrayBufferArg(info, 2);
  iovec local = {into.data, into.length};
  iovec remote = {reinterpret_cast<void*>(OffsetArg(info, 1)), into.length};
  return Result(info.Env(), process_vm_readv(IntArg(info, 0), &local, 1, &remote, 1, 0));
}

Napi::Value Gettid(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(syscall(SYS_gettid)));
}

Napi::Value RaiseFileLimit(const Napi::CallbackInfo& info) {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return Failure(info.Env(), errno);
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) < 0) return Failure(info.Env(), errno);
  return Napi::Number::New(info.Env(), static_cast<double>(limit.rlim_cur));
}

}  // namespace

void ExportProcess(Napi::Env, Napi::Object exports) {
  Export<PidfdOpen>(exports, "pidfdOpen");
  Export<PidfdOpenThread>(exports, "pidfdOpenThread");
  Export<PidfdGetfd>(exports, "pidfdGetfd");
  Export<PidfdSignal>(exports, "pidfdSignal");
  Export<ThreadOf>(exports, "threadOf");
  Export<MemlockOf>(exports, "memlockOf");
  Export<HasCapability>(exports, "hasCapability");
  Export<SameDescription>(exports, "sameDescription");
  Export<ReadMemory>(exports, "readMemory");
  Export<Gettid>(exports, "gettid");
  Export<RaiseFileLimit>(exports, "raiseFileLimit");
  exports.Set("pageSize", static_cast<double>(sysconf(_SC_PAGESIZE)));
}

}  // namespace leasefs
