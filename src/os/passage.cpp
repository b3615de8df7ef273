#include "os/passage.hpp"

#include "base/error.hpp"
#include "os/detail.hpp"

#include <string_view>
#include <unistd.h>
#include <utility>

namespace carrel {
namespace {

void close_one(int& number) {
  if (number >= 0) ::close(std::exchange(number, -1));
}

}  // namespace

Result<Passage> Passage::make() {
  auto pipe = TRY(make_pipe());
  return Passage(pipe.write_end.release(), pipe.read_end.release());
}

Passage::Passage(Passage&& other) noexcept
    : entry_(std::exchange(other.entry_, -1)), exit_(std::exchange(other.exit_, -1)) {}

Passage::~Passage() {
  end();
  close_exit();
}

bool Passage::write(std::string_view bytes) {
  return entry_ >= 0 && write_all(entry_, bytes) == 0;
}

void Passage::end() {
  close_one(entry_);
}

void Passage::close_exit() {
  close_one(exit_);
}

}  // namespace carrel
