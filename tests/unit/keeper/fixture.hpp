// A keeper started as a command starts it, a machine (sshd on loopback), and a server on a unix
// socket of that machine.
#pragma once

#include "base/error.hpp"
#include "base/names.hpp"
#include "fakes/local_server.hpp"
#include "fakes/local_sshd.hpp"
#include "fakes/temporary_folder.hpp"
#include "keeper/client.hpp"
#include "keeper/keeper.hpp"
#include "keeper/protocol.hpp"
#include "os/clock.hpp"
#include "os/connection.hpp"
#include "os/file.hpp"
#include "os/ports.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace carrel {

constexpr auto minute = std::chrono::seconds(60);

inline Wait patience() {
  return Wait::at_most(minute);
}

template <class Condition>
bool becomes_true(Condition condition) {
  for (const auto until = SystemClock().now() + minute; SystemClock().now() < until;) {
    if (condition()) return true;
    std::this_thread::sleep_for(Milliseconds(5));
  }
  return false;
}

inline WorkspaceId id_of(int number) {
  return WorkspaceId::make(std::chrono::system_clock::time_point(std::chrono::seconds(1)),
                           std::string(10, static_cast<char>(number)));
}

// The client's side of one connection.
class Browser {
 public:
  explicit Browser(std::uint16_t port, const std::string& host = "127.0.0.1") {
    auto opened = Connection::open(TcpAddress{.host = host, .port = port}, patience());
    if (!opened) ADD_FAILURE() << opened.error().what << ": " << opened.error().why;
    if (opened) connection_.emplace(std::move(*opened));
  }
  bool say(std::string_view bytes) {
    while (connection_ && !bytes.empty()) {
      const auto count = connection_->write_some(bytes);
      if (!count) return false;
      bytes.remove_prefix(*count);
    }
    return connection_.has_value();
  }
  // So many bytes, fewer at the end of the stream; "(broken)" when it was reset.
  std::string hear(std::size_t count) {
    std::string heard;
    std::array<char, 65536> buffer{};
    while (connection_ && heard.size() < count) {
      const std::size_t room = std::min(buffer.size(), count - heard.size());
      const auto got = connection_->read_some(std::span(buffer).first(room));
      if (!got) return heard + (got.error().reason == Reason::timed_out ? "(late)" : "(broken)");
      if (*got == 0) break;
      heard.append(buffer.data(), *got);
    }
    return heard;
  }
  std::string hear_rest() { return hear(std::size_t{1} << 30U); }
  void end() { connection_->end_writing(); }
  void leave() { connection_->break_off(); }  // at once, as a browser that has crashed

 private:
  std::optional<Connection> connection_;
};

class KeeperTest : public ::testing::Test {
 protected:
  KeeperTest()
      : client_(processes_, this_environment(), place(),
                {"/proc/self/exe", "keeper", folder_.path().string()}) {}
  // By the lock: nobody has it any more.
  ~KeeperTest() override {
    for (int i = 0; i < 10; ++i) (void)client_.drop(id_of(i), patience());
    if (const auto pid = keeper()) ::kill(*pid, SIGKILL);
    EXPECT_TRUE(becomes_true([&] { return !is_running(); }));
  }

  KeeperPlace place() const { return {.folder = folder_.path(), .log = folder_.path() / "log"}; }
  bool is_running() const { return FileLock::is_held(place().lock()); }
  // The process that serves; none: there is none.
  std::optional<pid_t> keeper() const {
    const auto all = processes_with_words(std::string("serve") + '\0' + folder_.path().string());
    return all.empty() ? std::nullopt : std::optional(all.front());
  }
  // Whose arguments, apart by zero bytes, contain `words`.
  static std::vector<pid_t> processes_with_words(const std::string& words) {
    std::vector<pid_t> found;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
      const auto line = read_file(entry.path() / "cmdline");
      if (line && line->contains(words)) found.push_back(std::stoi(entry.path().filename()));
    }
    return found;
  }
  // The machine keeps its name whatever its address, and says where it is in a file.
  KeptWorkspace moving(const LocalSshd& sshd) const {
    auto moves = workspace(sshd);
    moves.ssh.host_key_alias = "machine";
    moves.ssh.known_hosts = folder_.path() / "known_hosts";
    EXPECT_TRUE(
        write_file(moves.ssh.known_hosts, "machine " + *read_file(sshd.file("host.pub")), 0600));
    moves.address = {"cat", address_file().string()};
    return moves;
  }
  std::filesystem::path address_file() const { return folder_.path() / "address"; }
  void tell_address(const std::string& line) const {
    EXPECT_TRUE(write_file(address_file(), line + "\n", 0600));
  }
  std::filesystem::path socket() const { return folder_.path() / "jupyter"; }
  KeptWorkspace workspace(const LocalSshd& sshd, int number = 0) const {
    // Fifty ports to each process: this test runs in both builds at once.
    static const auto mine = static_cast<std::uint16_t>(20000 + ::getpid() % 200 * 50);
    static const std::uint16_t first = *free_port("127.0.0.1", mine);
    return {.id = id_of(number),
            .port = static_cast<std::uint16_t>(first + number),
            .ssh = sshd.target(),
            .socket = socket()};
  }
  KeptState state(int number = 0) {
    const auto listed = client_.list(patience());
    for (const auto& one : listed.value_or(std::vector<KeptState>())) {
      if (one.id == id_of(number)) return one;
    }
    return {.id = id_of(number), .why = "(not kept)"};
  }
  bool comes_up(int number = 0) {
    return becomes_true([&] { return state(number).state == LinkState::up; });
  }
  KeeperClient& client() { return client_; }
  Processes& processes() { return processes_; }

 private:
  TemporaryFolder folder_;
  SystemProcesses processes_;
  KeeperClient client_;
};

}  // namespace carrel
