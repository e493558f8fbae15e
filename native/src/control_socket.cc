// Sockets between programs and the daemon, on abstract addresses (unix(7)): SOCK_SEQPACKET for the calls of a mount that
// carries no ioctl, each message with the credentials of its sender, as the kernel knows them; SOCK_STREAM for notices.
#include <sched.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstddef>
#include <cstring>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "addon.h"
#include "args.h"
#include "descriptor.h"
#include "result.h"

namespace leasefs {
namespace {

/** A socket that listens at an abstract address of the kernel's choice (the address has a family alone); or errno. */
UniqueFd Listen(int type, int* error) {
  UniqueFd fd(socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  // Accepted sockets inherit it.
  int on = 1;
  sockaddr_un any = {};
  any.sun_family = AF_UNIX;
  bool listens = fd.IsOpen() && setsockopt(fd.Get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0 &&
                 bind(fd.Get(), reinterpret_cast<const sockaddr*>(&any), sizeof any.sun_family) == 0 &&
                 listen(fd.Get(), SOMAXCONN) == 0;
  *error = listens ? 0 : errno;
  return fd;
}

Napi::Value ListenMessages(const Napi::CallbackInfo& info) {
  int error = 0;
  UniqueFd fd = Listen(SOCK_SEQPACKET, &error);
  if (error != 0) throw SystemError(info.Env(), error, "listen");
  return Descriptor::Make(info.Env(), std::move(fd));
}

/** A socket belongs to the network namespace that its thread was in: a thread of its own enters the other one. */
Napi::Value ListenStreams(const Napi::CallbackInfo& info) {
  int network = IntArg(info, 0);
  int error = 0;
  UniqueFd fd;
  if (network < 0) {
    fd = Listen(SOCK_STREAM, &error);
  } else {
    try {
      std::thread([&] {
        if (setns(network, CLONE_NEWNET) == 0)
          fd = Listen(SOCK_STREAM, &error);
        else
          error = errno;
      }).join();
    } catch (const std::system_error& failed) {
      error = failed.code().value();
    }
  }
  if (error != 0) throw SystemError(info.Env(), error, "listen");
  return Descriptor::Make(info.Env(), std::move(fd));
}

Napi::Value AbstractName(const Napi::CallbackInfo& info) {
  sockaddr_un at = {};
  socklen_t length = sizeof at;
  if (getsockname(IntArg(info, 0), reinterpret_cast<sockaddr*>(&at), &length) < 0) {
    throw SystemError(info.Env(), errno, "getsockname");
  }
  size_t begin = offsetof(sockaddr_un, sun_path) + 1;
  return Napi::String::New(info.Env(), at.sun_path + 1, length > begin ? length - begin : 0);
}

Napi::Value Accept(const Napi::CallbackInfo& info) {
  int socket = IntArg(info, 0);
  double* uid = Float64ArrayArg(info, 1, 1);
  UniqueFd fd(accept4(socket, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd.IsOpen()) throw SystemError(info.Env(), errno, "accept");
  ucred peer = {};
  socklen_t length = sizeof peer;
  if (getsockopt(fd.Get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0) {
    throw SystemError(info.Env(), errno, "getsockopt");
  }
  *uid = peer.uid;
  return Descriptor::Make(info.Env(), std::move(fd));
}

Napi::Value Connect(const Napi::CallbackInfo& info, int type) {
  std::string name = TextArg(info, 0);
  sockaddr_un to = {};
  to.sun_family = AF_UNIX;
  if (name.size() >= sizeof to.sun_path) throw SystemError(info.Env(), ENAMETOOLONG, "connect");
  memcpy(to.sun_path + 1, name.data(), name.size());
  UniqueFd fd(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  if (!fd.IsOpen()) throw SystemError(info.Env(), errno, "socket");
  auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  ssize_t answer = Uninterrupted([&] { return connect(fd.Get(), reinterpret_cast<const sockaddr*>(&to), length); });
  if (answer < 0) throw SystemError(info.Env(), errno, "connect");
  return Descriptor::Make(info.Env(), std::move(fd));
}

Napi::Value ConnectMessages(const Napi::CallbackInfo& info) { return Connect(info, SOCK_SEQPACKET); }

Napi::Value ConnectStream(const Napi::CallbackInfo& info) { return Connect(info, SOCK_STREAM); }

Napi::Value SendMessage(const Napi::CallbackInfo& info) {
  int socket = IntArg(info, 0);
  Bytes whole = ArrayBufferArg(info, 1);
  int64_t length = OffsetArg(info, 2);
  if (static_cast<uint64_t>(length) > whole.length) return Failure(info.Env(), EFAULT);
  auto sent = [&] { return send(socket, whole.data, static_cast<size_t>(length), MSG_NOSIGNAL); };
  return Result(info.Env(), Uninterrupted(sent));
}

/** Descriptors find room where the socket passes no credentials. */
void CloseDescriptors(msghdr* header) {
  for (cmsghdr* part = CMSG_FIRSTHDR(header); part != nullptr; part = CMSG_NXTHDR(header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    for (size_t at = CMSG_LEN(0); at + sizeof(int) <= part->cmsg_len; at += sizeof(int)) {
      int fd;
      memcpy(&fd, reinterpret_cast<char*>(part) + at, sizeof fd);
      close(fd);
    }
  }
}

/** Accepts no descriptors: where credentials come the kernel has no room for them, and drops them. */
Napi::Value ReceiveMessage(const Napi::CallbackInfo& info) {
  int socket = IntArg(info, 0);
  Bytes whole = ArrayBufferArg(info, 1);
  bool asked = info.Length() > 2 && !info[2].IsUndefined();
  double* sender = asked ? Float64ArrayArg(info, 2, 3) : nullptr;
  iovec part = {whole.data, whole.length};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))] = {};
  msghdr header = {};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = CMSG_LEN(sizeof(ucred));
  ssize_t n = Uninterrupted([&] { return recvmsg(socket, &header, MSG_CMSG_CLOEXEC); });
  if (n < 0) return Result(info.Env(), n);
  CloseDescriptors(&header);
  if (sender != nullptr) {
    ucred who = {};
    cmsghdr* credentials = CMSG_FIRSTHDR(&header);
    if (credentials != nullptr && credentials->cmsg_level == SOL_SOCKET && credentials->cmsg_type == SCM_CREDENTIALS) {
      memcpy(&who, CMSG_DATA(credentials), sizeof who);
    }
    sender[0] = who.pid;
    sender[1] = who.uid;
    sender[2] = who.gid;
  }
  if (header.msg_flags & MSG_TRUNC) return Failure(info.Env(), EMSGSIZE);
  return Napi::Number::New(info.Env(), static_cast<double>(n));
}

Napi::Value Getxattr(const Napi::CallbackInfo& info) {
  int fd = IntArg(info, 0);
  std::string name = TextArg(info, 1);
  Bytes value = ArrayBufferArg(info, 2);
  return Result(info.Env(), fgetxattr(fd, name.c_str(), value.data, value.length));
}

}  // namespace

void ExportControlSocket(Napi::Env, Napi::Object exports) {
  Export<ListenMessages>(exports, "listenMessages");
  Export<ListenStreams>(exports, "listenStreams");
  Export<AbstractName>(exports, "abstractName");
  Export<Accept>(exports, "accept");
  Export<ConnectMessages>(exports, "connectMessages");
  Export<ConnectStream>(exports, "connectStream");
  Export<SendMessage>(exports, "sendMessage");
  Export<ReceiveMessage>(exports, "receiveMessage");
  Export<Getxattr>(exports, "getxattr");
}

}  // namespace leasefs
