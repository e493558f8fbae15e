// Memory that mmap(2) gave to JavaScript.
#ifndef LEASEFS_MAPPING_H
#define LEASEFS_MAPPING_H

#include "args.h"

namespace leasefs {

/**
 * Whether these are the bytes of a mapping of ours that lives. Only such memory may be given to calls that would ruin
 * the collector's (madvise) or outlive it (buffers that a ring registers).
 */
bool IsMapping(const Bytes& bytes);

}  // namespace leasefs

#endif
