// Owns the number of an open descriptor: its last owner closes it, once.
#ifndef LEASEFS_UNIQUE_FD_H
#define LEASEFS_UNIQUE_FD_H

#include <unistd.h>

namespace leasefs {

class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.Release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    Reset(other.Release());
    return *this;
  }
  ~UniqueFd() { Reset(-1); }

  /** -1 when there is none. */
  int Get() const { return fd_; }
  bool IsOpen() const { return fd_ >= 0; }

  int Release() {
    int fd = fd_;
    fd_ = -1;
    return fd;
  }

  void Reset(int fd) {
    // Linux frees the number even if close(2) fails, with EINTR too: never call it a second time.
    if (fd_ >= 0) close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

}  // namespace leasefs

#endif
