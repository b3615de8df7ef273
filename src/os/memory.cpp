#include "os/memory.hpp"

#include <cstdlib>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace carrel {

void reuse_freed_memory() {
#ifdef __GLIBC__
  constexpr int largest = 64 << 20;
  constexpr int at_once = 1 << 20;
  ::mallopt(M_MMAP_THRESHOLD, largest);
  ::mallopt(M_TOP_PAD, at_once);
#endif
}

}  // namespace carrel
