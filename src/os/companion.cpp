#include "os/companion.hpp"

#include "base/error.hpp"
#include "os/detail.hpp"
#include "os/process.hpp"
#include "os/process_detail.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <optional>
#include <signal.h>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace carrel {

struct Companion::State {
  Child child;
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  State(State&&) = delete;
  State& operator=(State&&) = delete;
  ~State() {
    ::kill(-child.pid, SIGKILL);
    while (::waitpid(child.pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  Descriptor& of(Stream stream) { return stream == Stream::output ? child.output : child.error; }
};

Result<Companion> Companion::start(const ProcessSpec& spec) {
  ProcessSpec talking{.argv = spec.argv, .environment = spec.environment, .folder = spec.folder};
  talking.input = "\n";  // asks for a pipe; nothing writes it
  Child child = TRY(spawn(talking));
  auto state = std::make_unique<State>();
  state->child = std::move(child);
  return Companion(std::move(state));
}

Companion::Companion(std::unique_ptr<State> state) : state_(std::move(state)) {}
Companion::Companion(Companion&& other) noexcept = default;
Companion& Companion::operator=(Companion&& other) noexcept = default;
Companion::~Companion() = default;

int Companion::descriptor(Stream stream) const {
  return state_->of(stream).get();
}

std::optional<std::string> Companion::read_some(Stream stream) {
  std::array<char, 16384> buffer{};
  const ssize_t got = ::read(state_->of(stream).get(), buffer.data(), buffer.size());
  if (got > 0) return std::string(buffer.data(), static_cast<std::size_t>(got));
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return std::string();
  state_->of(stream).close();
  return std::nullopt;
}

bool Companion::write(std::string_view text) {
  const NoSigpipe no_sigpipe;
  return ::write(state_->child.input.get(), text.data(), text.size()) > 0;
}

pid_t Companion::pid() const {
  return state_->child.pid;
}

}  // namespace carrel
