// Descriptors from process to process: SCM_RIGHTS over a socketpair (unix(7)).
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

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

/** One message of one byte, with room for the control message of one descriptor. */
struct Message {
  Message() {
    memset(control, 0, sizeof control);
    memset(&header, 0, sizeof header);
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    // CMSG_LEN, not CMSG_SPACE: its padding would let a second descriptor in.
    header.msg_controllen = CMSG_LEN(sizeof(int));
  }

  char byte = 0;
  iovec part = {&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  msghdr header;
};

Napi::Value Socketpair(const Napi::CallbackInfo& info) {
  int ends[2];
  // Messages have bounds, and their end is seen when the peer is gone.
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
    throw SystemError(info.Env(), errno, "socketpair");
  }
  UniqueFd first(ends[0]), second(ends[1]);
  Napi::Array pair = Napi::Array::New(info.Env(), 2);
  pair.Set(0u, Descriptor::Make(info.Env(), std::move(first)));
  pair.Set(1u, Descriptor::Make(info.Env(), std::move(second)));
  return pair;
}

/** The header's one control message: a descriptor. */
void PutDescriptor(msghdr* header, int fd) {
  cmsghdr* rights = CMSG_FIRSTHDR(header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(sizeof fd);
  memcpy(CMSG_DATA(rights), &fd, sizeof fd);
}

/** The descriptor that a message brought; closed unless it is taken. */
UniqueFd TakeDescriptor(msghdr* header) {
  UniqueFd fd;
  cmsghdr* rights = CMSG_FIRSTHDR(header);
  if (rights != nullptr && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS &&
      rights->cmsg_len == CMSG_LEN(sizeof(int))) {
    int number;
    memcpy(&number, CMSG_DATA(rights), sizeof number);
    fd.Reset(number);
  }
  return fd;
}

Napi::Value SendFd(const Napi::CallbackInfo& info) {
  int socket = IntArg(info, 0);
  int fd = IntArg(info, 1);
  Message message;
  PutDescriptor(&message.header, fd);
  ssize_t n = Uninterrupted([&] { return sendmsg(socket, &message.header, MSG_NOSIGNAL); });
  return Result(info.Env(), n < 0 ? n : 0);
}

Napi::Value ReceiveFd(const Napi::CallbackInfo& info) {
  int socket = IntArg(info, 0);
  Message message;
  ssize_t n = Uninterrupted([&] { return recvmsg(socket, &message.header, MSG_CMSG_CLOEXEC); });
  if (n < 0) throw SystemError(info.Env(), errno, "recvmsg");
  UniqueFd fd = TakeDescriptor(&message.header);
  if (!fd.IsOpen()) throw SystemError(info.Env(), EPROTO, "recvmsg");
  return Descriptor::Make(info.Env(), std::move(fd));
}

Napi::Value SendRecord(const Napi::CallbackInfo& info) {
  int socket = IntArg(info, 0);
  Bytes whole = ArrayBufferArg(info, 1);
  int64_t length = OffsetArg(info, 2);
  int fd = IntArg(info, 3);
  if (static_cast<uint64_t>(length) > whole.length) return Failure(info.Env(), EFAULT);
  Message message;
  message.part = {whole.data, static_cast<size_t>(length)};
  if (fd < 0) {
    message.header.msg_controllen = 0;
  } else {
    PutDescriptor(&message.header, fd);
  }
  return Result(info.Env(), Uninterrupted([&] { return sendmsg(socket, &message.header, MSG_NOSIGNAL); }));
}

Napi::Value ReceiveRecord(const Napi::CallbackInfo& info) {
  int socket = IntArg(info, 0);
  Bytes whole = ArrayBufferArg(info, 1);
  double* length = Float64ArrayArg(info, 2, 1);
  Message message;
  message.part = {whole.data, whole.length};
  ssize_t n = Uninterrupted([&] { return recvmsg(socket, &message.header, MSG_CMSG_CLOEXEC); });
  if (n < 0) throw SystemError(info.Env(), errno, "recvmsg");
  UniqueFd fd = TakeDescriptor(&message.header);
  if (message.header.msg_flags & MSG_TRUNC) throw SystemError(info.Env(), EMSGSIZE, "recvmsg");
  *length = static_cast<double>(n);
  return fd.IsOpen() ? Descriptor::Make(info.Env(), std::move(fd)) : info.Env().Undefined();
}

Napi::Value SendDatagram(const Napi::CallbackInfo& info) {
  std::string path = TextArg(info, 0);
  std::string text = TextArg(info, 1);
  int sent = info[2].IsUndefined() ? -1 : IntArg(info, 2);
  sockaddr_un to = {};
  to.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof to.sun_path) return Failure(info.Env(), ENAMETOOLONG);
  memcpy(to.sun_path, path.data(), path.size());
  if (path[0] == '@') to.sun_path[0] = '\0';
  UniqueFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.IsOpen()) return Failure(info.Env(), errno);
  Message message;
  message.part = {text.data(), text.size()};
  message.header.msg_name = &to;
  message.header.msg_namelen = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  if (sent < 0) {
    message.header.msg_controllen = 0;
  } else {
    PutDescriptor(&message.header, sent);
  }
  return Result(info.Env(), sendmsg(fd.Get(), &message.header, MSG_NOSIGNAL));
}

Napi::Value SocketDomain(const Napi::CallbackInfo& info) {
  int domain = 0;
  socklen_t length = sizeof domain;
  int error = getsockopt(IntArg(info, 0), SOL_SOCKET, SO_DOMAIN, &domain, &length);
  return Result(info.Env(), error < 0 ? error : domain);
}

}  // namespace

void ExportFdPassing(Napi::Env, Napi::Object exports) {
  Export<SocketDomain>(exports, "socketDomain");
  Export<SendDatagram>(exports, "sendDatagram");
  Export<Socketpair>(exports, "socketpair");
  Export<SendFd>(exports, "sendFd");
  Export<ReceiveFd>(exports, "receiveFd");
  Export<SendRecord>(exports, "sendRecord");
  Export<ReceiveRecord>(exports, "receiveRecord");
}

}  // namespace leasefs
