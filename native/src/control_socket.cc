// Messages between programs and the daemon of a mount that carries no ioctl: SOCK_SEQPACKET on abstract addresses
// (unix(7)), each message with the credentials of its sender, as the kernel knows them.
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include <cstddef>
#include <cstring>
#include <string>
#include <utility>

#include "addon.h"
#include "args.h"
#include "descriptor.h"
#include "result.h"

namespace leasefs {
namespace {

UniqueFd Seqpacket(Napi::Env env, int flags) {
  UniqueFd fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | flags, 0));
  if (!fd.IsOpen()) throw SystemError(env, errno, "socket");
  return fd;
}

Napi::Value ListenMessages(const Napi::CallbackInfo& info) {
  UniqueFd fd = Seqpacket(info.Env(), SOCK_NONBLOCK);
  // Accepted sockets inherit it. The kernel chooses the name: the address has a family alone.
  int on = 1;
  if (setsockopt(fd.Get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0) {
    throw SystemError(info.Env(), errno, "setsockopt");
  }
  sockaddr_un any = {};
  any.sun_family = AF_UNIX;
  if (bind(fd.Get(), reinterpret_cast<const sockaddr*>(&any), sizeof any.sun_family) < 0) {
    throw SystemError(info.Env(), errno, "bind");
  }
  if (listen(fd.Get(), SOMAXCONN) < 0) throw SystemError(info.Env(), errno, "listen");
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

Napi::Value AcceptMessages(const Napi::CallbackInfo& info) {
  UniqueFd fd(accept4(IntArg(info, 0), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd.IsOpen()) throw SystemError(info.Env(), errno, "accept");
  ucred peer = {};
  socklen_t length = sizeof peer;
  if (getsockopt(fd.Get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0) {
    throw SystemError(info.Env(), errno, "getsockopt");
  }
  *Float64ArrayArg(info, 1, 1) = peer.uid;
  return Descriptor::Make(info.Env(), std::move(fd));
}

Napi::Value ConnectMessages(const Napi::CallbackInfo& info) {
  std::string name = TextArg(info, 0);
  sockaddr_un to = {};
  to.sun_family = AF_UNIX;
  if (name.size() >= sizeof to.sun_path) throw SystemError(info.Env(), ENAMETOOLONG, "connect");
  memcpy(to.sun_path + 1, name.data(), name.size());
  UniqueFd fd = Seqpacket(info.Env(), 0);
  auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  ssize_t answer = Uninterrupted([&] { return connect(fd.Get(), reinterpret_cast<const sockaddr*>(&to), length); });
  if (answer < 0) throw SystemError(info.Env(), errno, "connect");
  return Descriptor::Make(info.Env(), std::move(fd));
}

Napi::Value SendMessage(const Napi::CallbackInfo& info) {
  int socket = IntArg(info, 0);
  Bytes whole = ArrayBufferArg(info, 1);
  int64_t length = OffsetArg(info, 2);
  if (static_cast<uint64_t>(length) > whole.length) return Failure(info.Env(), EFAULT);
  auto sent = [&] { return send(socket, whole.data, static_cast<size_t>(length), MSG_NOSIGNAL); };
  return Result(info.Env(), Uninterrupted(sent));
}

/** Takes no descriptors: there is no room for them, so the kernel drops what is sent. */
Napi::Value ReceiveMessage(const Napi::CallbackInfo& info) {
  int socket = IntArg(info, 0);
  Bytes whole = ArrayBufferArg(info, 1);
  bool asked = info.Length() > 2 && !info[2].IsUndefined();
  double* sender = asked ? Float64ArrayArg(info, 2, 2) : nullptr;
  iovec part = {whole.data, whole.length};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))] = {};
  msghdr header = {};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = CMSG_LEN(sizeof(ucred));
  ssize_t n = Uninterrupted([&] { return recvmsg(socket, &header, MSG_CMSG_CLOEXEC); });
  if (n < 0) return Result(info.Env(), n);
  if (sender != nullptr) {
    ucred who = {};
    cmsghdr* credentials = CMSG_FIRSTHDR(&header);
    if (credentials != nullptr && credentials->cmsg_level == SOL_SOCKET && credentials->cmsg_type == SCM_CREDENTIALS) {
      memcpy(&who, CMSG_DATA(credentials), sizeof who);
    }
    sender[0] = who.pid;
    sender[1] = who.uid;
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
  Export<AbstractName>(exports, "abstractName");
  Export<AcceptMessages>(exports, "acceptMessages");
  Export<ConnectMessages>(exports, "connectMessages");
  Export<SendMessage>(exports, "sendMessage");
  Export<ReceiveMessage>(exports, "receiveMessage");
  Export<Getxattr>(exports, "getxattr");
}

}  // namespace leasefs
