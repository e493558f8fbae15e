// The process of run's command, a child that Node.js does not know: signals that are sent to us go to it, and its wait
// status is the kernel's own.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "addon.h"
#include "args.h"
#include "result.h"
#include "unique_fd.h"

namespace leasefs {
namespace {

/** What ends a process by default, or has meaning for many, and is not a fault of the process itself. */
constexpr int kForwarded[] = {SIGHUP,  SIGINT,    SIGQUIT, SIGUSR1, SIGUSR2, SIGALRM,
                              SIGTERM, SIGVTALRM, SIGPROF, SIGIO,   SIGPWR,  SIGCONT};

/** A pidfd and a socket, open until this process ends. */
std::atomic<int> forward_to{-1};
std::atomic<int> witness{-1};
/** Two threads may be in a handler. */
std::atomic_flag asking = ATOMIC_FLAG_INIT;

/** Whether our whole process group got it: the witness (native/launch/launch.c) knows. */
bool CameToGroup(const siginfo_t& info) {
  while (asking.test_and_set(std::memory_order_acquire)) sched_yield();
  char answer = 0;
  bool is_answered =
      Uninterrupted([&] { return send(witness.load(), &info, sizeof info, MSG_NOSIGNAL); }) == sizeof info &&
      Uninterrupted([&] { return recv(witness.load(), &answer, 1, 0); }) == 1;
  asking.clear(std::memory_order_release);
  // Without a witness: what a terminal sends goes to a group.
  return is_answered ? answer != 0 : info.si_code == SI_KERNEL;
}

void Forward(int signal, siginfo_t* info, void*) {
  int saved = errno;
  if (!CameToGroup(*info)) syscall(SYS_pidfd_send_signal, forward_to.load(), signal, nullptr, 0);
  errno = saved;
}

Napi::Value ForwardSignals(const Napi::CallbackInfo& info) {
  UniqueFd own(fcntl(IntArg(info, 0), F_DUPFD_CLOEXEC, 0));
  if (!own.IsOpen()) return Failure(info.Env(), errno);
  UniqueFd group(fcntl(IntArg(info, 1), F_DUPFD_CLOEXEC, 0));
  if (!group.IsOpen()) return Failure(info.Env(), errno);
  forward_to = own.Release();
  witness = group.Release();
  struct sigaction action = {};
  action.sa_sigaction = Forward;
  // Another signal in the middle would wait for its turn for ever.
  sigfillset(&action.sa_mask);
  action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
  for (int signal : kForwarded) {
    if (sigaction(signal, &action, nullptr) < 0) return Failure(info.Env(), errno);
  }
  for (int signal = SIGRTMIN; signal <= SIGRTMAX; signal++) {
    if (sigaction(signal, &action, nullptr) < 0) return Failure(info.Env(), errno);
  }
  return Napi::Number::New(info.Env(), 0);
}

Napi::Value WaitChild(const Napi::CallbackInfo& info) {
  int pid = IntArg(info, 0);
  int status = 0;
  auto waited = Uninterrupted([&] { return waitpid(pid, &status, WNOHANG); });
  if (waited < 0) return Failure(info.Env(), errno);
  return waited == 0 ? Failure(info.Env(), EAGAIN) : Napi::Number::New(info.Env(), status);
}

}  // namespace

void ExportCommand(Napi::Env, Napi::Object exports) {
  Export<ForwardSignals>(exports, "forwardSignals");
  Export<WaitChild>(exports, "waitChild");
}

}  // namespace leasefs
