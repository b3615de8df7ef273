// A real sshd (Debian's openssh-server) on a free port of loopback, run by the calling user, with
// keys and a configuration of its own. The user's home and login shell are the real ones; `shell`
// is what runs the command instead: a line for sh with $SSH_ORIGINAL_COMMAND in it.
#pragma once

#include "base/error.hpp"
#include "channel/ssh_target.hpp"
#include "fakes/temporary_folder.hpp"
#include "os/clock.hpp"
#include "os/connection.hpp"
#include "os/file.hpp"
#include "os/process.hpp"
#include "os/process_detail.hpp"
#include "os/wait.hpp"

#include <arpa/inet.h>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <filesystem>
#include <map>
#include <netinet/in.h>
#include <optional>
#include <pwd.h>
#include <string>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace carrel {

class LocalSshd {
 public:
  explicit LocalSshd(std::string shell = "", std::string more = "")
      : shell_(std::move(shell)), more_(std::move(more)) {
    make_key("host");
    make_key("person");
    make_key("stranger");
    EXPECT_TRUE(write_file(file("authorized"), *read_file(file("person.pub")), 0600));
    // as root sshd wants this folder, which a boot with systemd makes
    if (::geteuid() == 0) std::filesystem::create_directories("/run/sshd");
    start_again();
  }
  ~LocalSshd() { stop(); }
  LocalSshd(const LocalSshd&) = delete;
  LocalSshd& operator=(const LocalSshd&) = delete;
  LocalSshd(LocalSshd&&) = delete;
  LocalSshd& operator=(LocalSshd&&) = delete;

  SshTarget target() const {
    SshTarget target;
    target.host = "127.0.0.1";
    target.port = port_;
    target.user = ::getpwuid(::geteuid())->pw_name;
    target.identity = file("person");
    target.known_hosts = file("known_hosts");
    target.folder = file("run");
    return target;
  }
  std::filesystem::path file(const std::string& name) const { return folder_.path() / name; }
  // The machine's own and all that it has started for its connections.
  const ProcessId& process() const { return id_; }
  void write_known_hosts(const std::string& key) const {
    EXPECT_TRUE(write_file(file("known_hosts"),
                           fmt::format("[127.0.0.1]:{} {}", port_, *read_file(file(key + ".pub"))),
                           0600));
  }
  // After `stop`: the same machine on another port.
  void start_again() {
    for (int tries = 0; tries < 5 && pid_ == 0; ++tries) start(shell_, more_);
    if (pid_ == 0) ADD_FAILURE() << "sshd does not start: " << read_file(file("log")).value_or("");
    write_known_hosts("host");
  }
  // Also what serves the connections; what they have started goes on.
  void stop() {
    if (pid_ == 0) return;
    for (const ProcessId& process : connections()) signal_process(process, SIGKILL);
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  // The processes that serve a connection, those of privilege separation too.
  std::vector<ProcessId> connections() const {
    std::map<pid_t, ProcessStat> servers;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
      const auto text = read_file(entry.path() / "stat");
      const auto stat = text && text->contains(" (sshd) ") ? parse_stat(*text) : std::nullopt;
      if (stat && stat->state != 'Z') servers[std::stoi(entry.path().filename())] = *stat;
    }
    std::vector<ProcessId> found;
    for (const auto& [pid, stat] : servers) {
      auto at = servers.find(stat.parent);
      while (at != servers.end() && at->first != pid_) at = servers.find(at->second.parent);
      if (at == servers.end()) continue;
      found.push_back({.pid = pid, .start_ticks = stat.start_ticks, .boot_id = boot_id()});
    }
    return found;
  }

 private:
  void make_key(const std::string& name) const {
    SystemProcesses processes;
    const auto made = processes.run({.argv = {"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C",
                                              name, "-f", file(name).string()},
                                     .environment = this_environment()},
                                    Wait::at_most(std::chrono::seconds(60)));
    EXPECT_TRUE(made && made->status == 0) << (made ? made->error : made.error().why);
  }

  static std::uint16_t free_port() {
    const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(socket, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size), 0);
    ::close(socket);
    return ntohs(address.sin_port);
  }

  void start(const std::string& shell, const std::string& more) {
    port_ = free_port();
    std::string config = fmt::format(
        "Port {}\nListenAddress 127.0.0.1\nHostKey \"{}\"\nAuthorizedKeysFile \"{}\"\n"
        "PidFile none\nUsePAM no\nStrictModes no\nPasswordAuthentication no\n"
        "KbdInteractiveAuthentication no\nPermitRootLogin yes\nMaxStartups 100\n"
        // bash then takes itself for one inside another, and leaves the person's ~/.bashrc alone
        "SetEnv SHLVL=1\n{}\n",
        port_, file("host").string(), file("authorized").string(), more);
    if (!shell.empty()) config += "ForceCommand " + shell + "\n";
    EXPECT_TRUE(write_file(file("sshd_config"), config, 0600));
    std::array<std::string, 5> words = {"/usr/sbin/sshd", "-D", "-e", "-f",
                                        file("sshd_config").string()};
    std::array<char*, 6> argv = {words[0].data(), words[1].data(), words[2].data(),
                                 words[3].data(), words[4].data(), nullptr};
    std::string path = "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin";
    std::array<char*, 2> environment = {path.data(), nullptr};
    pid_ = ::fork();
    if (pid_ == 0) {
      ::setsid();
      const int log = ::open(file("log").c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
      ::dup2(log, 2);
      ::execve(argv[0], argv.data(), environment.data());
      ::_exit(127);
    }
    // somebody else may have taken the port meanwhile
    const auto until = SystemClock().now() + std::chrono::seconds(30);
    while (SystemClock().now() < until) {
      if (Connection::open(TcpAddress{.host = "127.0.0.1", .port = port_},
                           Wait::at_most(std::chrono::seconds(10)))) {
        id_ = {.pid = pid_, .start_ticks = start_ticks(pid_).value_or(0), .boot_id = boot_id()};
        return;
      }
      if (::waitpid(pid_, nullptr, WNOHANG) == pid_) break;
      ::usleep(5000);
    }
    pid_ = 0;
  }

  const std::string shell_;
  const std::string more_;
  TemporaryFolder folder_;
  std::uint16_t port_ = 0;
  pid_t pid_ = 0;
  ProcessId id_;
};

}  // namespace carrel
