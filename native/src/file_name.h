// A file's name in a tmpfs instance of ours: its number.
#ifndef LEASEFS_FILE_NAME_H
#define LEASEFS_FILE_NAME_H

#include <cinttypes>
#include <cstdio>

namespace leasefs {

struct FileName {
  char text[24];
  explicit FileName(int64_t number) { snprintf(text, sizeof text, "%" PRId64, number); }
};

}  // namespace leasefs

#endif
