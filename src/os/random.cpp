#include "os/random.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <sys/random.h>

namespace carrel {

std::string SystemRandom::bytes(std::size_t count) {
  std::string bytes(count, '\0');
  std::size_t done = 0;
  while (done < count) {
    const ssize_t got = ::getrandom(bytes.data() + done, count - done, 0);
    if (got > 0) {
      done += static_cast<std::size_t>(got);
    } else if (errno != EINTR) {
      // Weak keys are worse than no program; the kernel documents no failure that a retry could
      // mend.
      std::perror("carrel: the kernel gives no random bytes");
      std::abort();
    }
  }
  return bytes;
}

}  // namespace carrel
