// The memory regions of an RDMA device's open file description, as the kernel lists them: the verbs ioctl's methods
// INFO_HANDLES and QUERY_MR (Linux 5.7), which ask and change nothing.
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/rdma_user_ioctl.h>
#include <sys/ioctl.h>

#include <vector>

#include "addon.h"
#include "args.h"
#include "result.h"

namespace leasefs {
namespace {

/** Above the last of enum rdma_driver_id: the kernel takes a request only with the number of the device's driver. */
constexpr uint32_t kDrivers = 64;
constexpr size_t kMaxAttributes = 5;

class Request {
 public:
  Request(uint16_t object, uint16_t method, uint32_t driver) {
    header_->object_id = object;
    header_->method_id = method;
    header_->driver_id = driver;
  }

  /** A value of 8 bytes, or a handle with length 0. */
  void In(uint16_t id, uint16_t length, uint64_t value) {
    ib_uverbs_attr& attribute = header_->attrs[header_->num_attrs++];
    attribute.attr_id = id;
    attribute.len = length;
    attribute.flags = UVERBS_ATTR_F_MANDATORY;
    attribute.data = value;
  }
  void Out(uint16_t id, void* to, size_t length) {
    In(id, static_cast<uint16_t>(length), reinterpret_cast<uintptr_t>(to));
  }

  /** 0 or -errno. */
  int Send(int fd) {
    header_->length = static_cast<uint16_t>(sizeof *header_ + header_->num_attrs * sizeof header_->attrs[0]);
    return ioctl(fd, RDMA_VERBS_IOCTL, header_) < 0 ? -errno : 0;
  }

 private:
  alignas(
      ib_uverbs_ioctl_hdr) uint8_t bytes_[sizeof(ib_uverbs_ioctl_hdr) + kMaxAttributes * sizeof(ib_uverbs_attr)] = {};
  ib_uverbs_ioctl_hdr* header_ = reinterpret_cast<ib_uverbs_ioctl_hdr*>(bytes_);
};

/** The handles of all regions; 0 or -errno. */
int Handles(int fd, uint32_t driver, std::vector<uint32_t>* handles) {
  handles->resize(64);
  for (;;) {
    uint32_t total = 0;
    Request request(UVERBS_OBJECT_DEVICE, UVERBS_METHOD_INFO_HANDLES, driver);
    request.In(UVERBS_ATTR_INFO_OBJECT_ID, sizeof(uint64_t), UVERBS_OBJECT_MR);
    request.Out(UVERBS_ATTR_INFO_TOTAL_HANDLES, &total, sizeof total);
    request.Out(UVERBS_ATTR_INFO_HANDLES_LIST, handles->data(), handles->size() * sizeof(uint32_t));
    int error = request.Send(fd);
    if (error != 0) return error;
    if (total < handles->size()) {
      handles->resize(total);
      return 0;
    }
    // A full list may not be all of it.
    if (handles->size() * 2 * sizeof(uint32_t) > UINT16_MAX) return -EOVERFLOW;
    handles->resize(handles->size() * 2);
  }
}

/** 0 or -errno. */
int Query(int fd, uint32_t driver, uint32_t handle, uint64_t* iova, uint64_t* length) {
  uint32_t keys[2];
  Request request(UVERBS_OBJECT_MR, UVERBS_METHOD_QUERY_MR, driver);
  request.In(UVERBS_ATTR_QUERY_MR_HANDLE, 0, handle);
  request.Out(UVERBS_ATTR_QUERY_MR_RESP_LKEY, &keys[0], sizeof keys[0]);
  request.Out(UVERBS_ATTR_QUERY_MR_RESP_RKEY, &keys[1], sizeof keys[1]);
  request.Out(UVERBS_ATTR_QUERY_MR_RESP_LENGTH, length, sizeof *length);
  request.Out(UVERBS_ATTR_QUERY_MR_RESP_IOVA, iova, sizeof *iova);
  return request.Send(fd);
}

Napi::Value UverbsRegions(const Napi::CallbackInfo& info) {
  int fd = IntArg(info, 0);
  std::vector<uint32_t> handles;
  uint32_t driver = 0;
  int error = Handles(fd, driver, &handles);
  while (error == -EINVAL && ++driver < kDrivers) error = Handles(fd, driver, &handles);
  if (error != 0) return Failure(info.Env(), -error);
  Napi::Array regions = Napi::Array::New(info.Env());
  uint32_t count = 0;
  for (uint32_t handle : handles) {
    uint64_t iova, length;
    error = Query(fd, driver, handle, &iova, &length);
    // Deregistered since the handles were listed.
    if (error == -ENOENT) continue;
    if (error != 0) return Failure(info.Env(), -error);
    regions.Set(count++, Napi::Number::New(info.Env(), static_cast<double>(iova)));
    regions.Set(count++, Napi::Number::New(info.Env(), static_cast<double>(length)));
  }
  return regions;
}

}  // namespace

void ExportUverbs(Napi::Env, Napi::Object exports) { Export<UverbsRegions>(exports, "uverbsRegions"); }

}  // namespace leasefs
