// What channel.hpp promises, asked of every channel: directly, and through a real sshd.
#include "base/error.hpp"
#include "base/text.hpp"
#include "channel/channel.hpp"
#include "channel/direct.hpp"
#include "channel/ssh.hpp"
#include "fakes/local_sshd.hpp"
#include "fakes/temporary_folder.hpp"
#include "os/clock.hpp"
#include "os/connection.hpp"
#include "os/file.hpp"
#include "os/process.hpp"
#include "os/random.hpp"
#include "os/wait.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace carrel {
namespace {

namespace fs = std::filesystem;

constexpr auto minute = std::chrono::seconds(60);

Command command(std::vector<std::string> argv) {
  Command command;
  command.argv = std::move(argv);
  return command;
}
Command shell(std::string script) {
  return command({"sh", "-c", std::move(script)});
}
Wait patience() {
  return Wait::at_most(minute);
}
// Polls: a condition of another process has no descriptor.
template <class Condition>
bool becomes_true(Condition condition) {
  for (const auto until = SystemClock().now() + minute; SystemClock().now() < until;) {
    if (condition()) return true;
    std::this_thread::sleep_for(Milliseconds(5));
  }
  return false;
}
unsigned mode_of(const fs::path& path) {
  struct stat status{};
  EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
  return status.st_mode & 0777U;
}

class Machine {
 public:
  virtual ~Machine() = default;
  virtual Channel& channel() = 0;
};

class Here final : public Machine {
 public:
  Channel& channel() override { return channel_; }

 private:
  SystemProcesses processes_;
  DirectChannel channel_{processes_, this_environment()};
};

class There final : public Machine {
 public:
  explicit There(const std::string& login_shell) : sshd_(login_shell) {
    auto opened = SshChannel::open(processes_, random_, this_environment(), sshd_.target());
    if (opened) {
      channel_ = std::move(*opened);
    } else {
      ADD_FAILURE() << opened.error().what << ": " << opened.error().why;
    }
  }
  Channel& channel() override { return *channel_; }

 private:
  SystemProcesses processes_;
  SystemRandom random_;
  LocalSshd sshd_;
  std::unique_ptr<SshChannel> channel_;
};

struct Kind {
  std::string name;
  std::string login_shell;  // "here": no ssh at all
};

// One machine a kind for all its tests: a connection is what they share in real life, too.
class ChannelContract : public testing::TestWithParam<Kind> {
 protected:
  static void TearDownTestSuite() { machines().clear(); }
  Channel& channel() {
    auto& machine = machines()[GetParam().name];
    if (machine == nullptr) {
      if (GetParam().login_shell == "here") {
        machine = std::make_unique<Here>();
      } else {
        machine = std::make_unique<There>(GetParam().login_shell);
      }
    }
    return machine->channel();
  }
  const fs::path& root() const { return folder_.path(); }
  ProcessResult run(const Command& command) {
    auto result = channel().run(command, patience());
    if (!result) {
      ADD_FAILURE() << result.error().what << ": " << result.error().why;
      return {.status = -1, .output = {}, .error = {}};
    }
    return std::move(*result);
  }

 private:
  static std::map<std::string, std::unique_ptr<Machine>>& machines() {
    static std::map<std::string, std::unique_ptr<Machine>> all;
    return all;
  }
  TemporaryFolder folder_;
};

TEST_P(ChannelContract, gives_output_error_and_status_apart) {
  const auto result = run(shell("printf out; printf err >&2; exit 7"));
  EXPECT_EQ(result.status, 7);
  EXPECT_EQ(result.output, "out");
  EXPECT_EQ(result.error, "err");
}

TEST_P(ChannelContract, keeps_every_status_also_what_ssh_itself_uses) {
  for (const int status : {0, 1, 126, 127, 254, 255}) {
    EXPECT_EQ(run(shell(fmt::format("exit {}", status))).status, status);
  }
}

TEST_P(ChannelContract, tells_a_signal_as_128_and_its_number) {
  EXPECT_EQ(run(shell("kill -9 $$")).status, 128 + 9);
  EXPECT_EQ(run(shell("kill -15 $$")).status, 128 + 15);
}

TEST_P(ChannelContract, hands_every_argument_on_unharmed) {
  std::vector<std::string> odd = {
      "",         " ",    "a b", "'",   "''\"", "\\",    "\\n\\t", "$HOME", "`id`",         "$(id)",
      "!x!",      "a\nb", "\n",  "*",   "~",    "{a,b}", "-n",     "%s",    "\xff\xfe\x01", "ünï",
      "; exit 9", "# no", "=ls", "a=b", ">x",   "&",     "|",      "\t",    "\r",           "^x"};
  std::vector<std::string> argv = {"printf", "%s\\0"};
  argv.insert(argv.end(), odd.begin(), odd.end());
  std::string expected;
  for (const auto& word : odd) expected += word + '\0';
  EXPECT_EQ(run(command(argv)).output, expected);
}

TEST_P(ChannelContract, runs_the_program_and_not_the_shells_own_of_that_name) {
  EXPECT_EQ(run(command({"echo", "a\\nb"})).output, "a\\nb\n");
}

TEST_P(ChannelContract, hands_input_on_byte_for_byte) {
  std::string bytes;
  for (int i = 0; i < 300'000; ++i) bytes += static_cast<char>(i * 7 % 256);
  Command cat = command({"cat"});
  cat.input = bytes;
  EXPECT_TRUE(run(cat).output == bytes);
  cat.input = "";
  EXPECT_EQ(run(cat).output, "");
}

TEST_P(ChannelContract, does_not_mind_input_that_nobody_reads) {
  Command no_reader = command({"true"});
  no_reader.input = std::string(3'000'000, 'x');
  EXPECT_EQ(run(no_reader).status, 0);
}

TEST_P(ChannelContract, adds_variables_and_takes_others_away_first) {
  Command env = shell("printf '%s|' \"${A-no}\" \"${PATH+yes}\" \"$B\"");
  env.environment = {{"A", "it's \"$HOME\"\n`x` \\"}, {"B", "\xff"}};
  EXPECT_EQ(run(env).output, "it's \"$HOME\"\n`x` \\|yes|\xff|");
  Command without = command({"env"});
  without.without = {"PATH", "HO*", "ABSENT"};
  without.argv = {"/usr/bin/env"};
  without.environment = {{"HOBBY", "kept"}};
  const auto output = "\n" + run(without).output;
  EXPECT_FALSE(output.contains("\nPATH=")) << output;
  EXPECT_FALSE(output.contains("\nHOME=")) << output;
  EXPECT_TRUE(output.contains("\nHOBBY=kept\n")) << output;
}

TEST_P(ChannelContract, fills_templates_with_the_machines_variables) {
  const auto home = run(shell("printf %s \"$HOME\"")).output;
  Command env = shell("printf '%s|' \"$A\" \"$B\" \"$C\"");
  env.environment = {{"HOME", "/ours"}};
  env.templates = {{"A", "x:${HOME}:y"}, {"B", "$$${NO_SUCH_NAME}$x${"}, {"C", "${A}'\"\\"}};
  EXPECT_EQ(run(env).output, "x:" + home + ":y|$${NO_SUCH_NAME}$x${|${A}'\"\\|");
}

TEST_P(ChannelContract, works_in_the_folder_asked_for) {
  Command pwd = command({"pwd", "-P"});
  pwd.folder = root() / "it's a folder";
  fs::create_directories(*pwd.folder);
  EXPECT_EQ(run(pwd).output, fs::canonical(*pwd.folder).string() + "\n");
  pwd.folder = root() / "absent";
  EXPECT_FALSE(channel().run(pwd, patience()));
}

TEST_P(ChannelContract, tells_a_program_that_does_not_exist_from_one_that_failed) {
  for (const char* name : {"no-such-program", "/no/such/program"}) {
    const auto missing = channel().run(command({name}), patience());
    ASSERT_FALSE(missing) << name;
    EXPECT_EQ(missing.error().reason, Reason::not_found) << name;
  }
  ASSERT_TRUE(write_file(root() / "data", "x", 0600));
  const auto forbidden = channel().run(command({(root() / "data").string()}), patience());
  ASSERT_FALSE(forbidden);
  EXPECT_EQ(forbidden.error().reason, Reason::refused);
  EXPECT_FALSE(channel().run(command({}), patience()));
}

TEST_P(ChannelContract, gives_each_line_as_it_comes) {
  const fs::path gate = root() / "gate";
  ASSERT_EQ(::mkfifo(gate.c_str(), 0600), 0);
  // goes on only when its first line has been seen
  Command talking =
      shell("echo one; read -r line <" + gate.string() + "; echo \"$line\" >&2; printf end");
  std::vector<std::string> lines;
  talking.on_output = [&](std::string_view line) {
    lines.emplace_back(line);
    if (line == "one") std::ofstream(gate) << "two\n";
  };
  const auto result = run(talking);
  ASSERT_EQ(lines.size(), 3U);
  EXPECT_EQ(lines[0], "one");
  // of two streams nobody knows which was first
  EXPECT_TRUE(std::ranges::count(lines, "two") == 1 && std::ranges::count(lines, "end") == 1);
  EXPECT_EQ(result.output, "one\nend");
}

TEST_P(ChannelContract, keeps_no_output_when_asked_not_to) {
  Command much = shell("echo out; echo err >&2");
  much.keep_output = false;
  int lines = 0;
  much.on_output = [&lines](std::string_view) { ++lines; };
  const auto result = run(much);
  EXPECT_EQ(lines, 2);
  EXPECT_EQ(result.output, "");
  EXPECT_EQ(result.error, "err\n");
}

TEST_P(ChannelContract, does_not_wait_for_what_a_grandchild_says_later) {
  const auto started = SystemClock().now();
  const auto result = run(shell("sleep 600 & echo $!"));
  EXPECT_EQ(result.status, 0);
  EXPECT_LT(SystemClock().now() - started, std::chrono::seconds(30));
  ::kill(std::stoi(result.output), SIGKILL);
}

TEST_P(ChannelContract, ends_the_command_too_at_a_deadline) {
  const fs::path here = root() / "pid";
  const auto result = channel().run(
      shell("echo $$ >" + here.string() + "; trap '' TERM; while :; do sleep 0.05; done"),
      Wait::at_most(Milliseconds(1500)));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, Reason::timed_out);
  const auto pid = read_file(here);
  ASSERT_TRUE(pid) << "it never began";
  EXPECT_TRUE(becomes_true([&] { return !start_ticks(std::stoi(*pid)); }));
}

TEST_P(ChannelContract, ends_the_command_too_at_ctrl_c) {
  Interrupt interrupt;
  std::string pid;
  Command waiting = shell("echo $$; exec sleep 600");
  waiting.on_output = [&](std::string_view line) {
    pid = line;
    interrupt.raise();
  };
  Wait wait = patience();
  wait.interrupt = &interrupt;
  const auto result = channel().run(waiting, wait);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().reason, Reason::interrupted);
  ASSERT_FALSE(pid.empty());
  EXPECT_TRUE(becomes_true([&] { return !start_ticks(std::stoi(pid)); }));
}

TEST_P(ChannelContract, writes_files_with_their_modes_in_folders_of_our_own) {
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes += static_cast<char>(i * 11 % 256);
  const fs::path tree = root() / "it's" / "b";
  const auto put = channel().put(tree,
                                 {{.path = "run.sh", .bytes = "#!", .mode = 0700},
                                  {.path = "empty", .bytes = "", .mode = 0600},
                                  {.path = "deep/er/da ta", .bytes = bytes, .mode = 0644}},
                                 patience());
  ASSERT_TRUE(put) << put.error().what << put.error().why;
  EXPECT_EQ(mode_of(tree / "run.sh"), 0700U);
  EXPECT_EQ(mode_of(tree / "empty"), 0600U);
  EXPECT_EQ(mode_of(tree / "deep/er/da ta"), 0644U);
  for (const char* made : {"it's", "it's/b", "it's/b/deep", "it's/b/deep/er"}) {
    EXPECT_EQ(mode_of(root() / made), 0700U) << made;
  }
  EXPECT_TRUE(channel().get(tree / "deep/er/da ta", patience()) == bytes);
  EXPECT_EQ(std::distance(fs::directory_iterator(tree), {}), 3) << "nothing else is left";
}

TEST_P(ChannelContract, replaces_a_file_and_leaves_folders_that_exist_as_they_are) {
  fs::create_directory(root() / "shared");
  fs::permissions(root() / "shared", fs::perms(0755));
  ASSERT_TRUE(write_file(root() / "shared" / "f", "old", 0644));
  ASSERT_TRUE(
      channel().put(root() / "shared", {{.path = "f", .bytes = "new", .mode = 0600}}, patience()));
  EXPECT_EQ(channel().get(root() / "shared" / "f", patience()), "new");
  EXPECT_EQ(mode_of(root() / "shared"), 0755U);
  EXPECT_EQ(mode_of(root() / "shared" / "f"), 0600U);
}

TEST_P(ChannelContract, leaves_an_old_file_whole_when_another_cannot_be_replaced) {
  fs::create_directory(root() / "b");
  ASSERT_TRUE(write_file(root() / "c", "old", 0600));
  EXPECT_FALSE(channel().put(root(),
                             {{.path = "a", .bytes = "new", .mode = 0600},
                              {.path = "b", .bytes = "new", .mode = 0600},
                              {.path = "c", .bytes = "new", .mode = 0600}},
                             patience()));
  const auto c = channel().get(root() / "c", patience());
  ASSERT_TRUE(c);
  EXPECT_TRUE(*c == "old" || *c == "new") << *c;
  EXPECT_TRUE(fs::is_empty(root() / "b"));
}

TEST_P(ChannelContract, writes_many_files_with_odd_names_and_the_last_of_two_with_one_path) {
  std::vector<PutFile> files;
  for (const char* name : {"-n", ".hidden", "..x", "a b", "it's", "*", "new\nline", "$x", "d/-m"}) {
    files.push_back({.path = name, .bytes = std::string(name) + "'s", .mode = 0640});
    files.push_back({.path = "x" + std::string(name), .bytes = "", .mode = 0711});
  }
  files.push_back({.path = "twice", .bytes = "first", .mode = 0600});
  files.push_back({.path = "twice", .bytes = "second", .mode = 0644});
  ASSERT_TRUE(channel().put(root(), files, patience()));
  files.erase(files.end() - 2);
  for (const PutFile& file : files) {
    EXPECT_EQ(read_file(root() / file.path), file.bytes) << file.path;
    EXPECT_EQ(mode_of(root() / file.path), file.mode) << file.path;
  }
}

TEST_P(ChannelContract, writes_nothing_when_interrupted) {
  Interrupt interrupt;
  interrupt.raise();
  Wait wait = patience();
  wait.interrupt = &interrupt;
  const auto put = channel().put(root() / "a", {{.path = "f", .bytes = "x", .mode = 0600}}, wait);
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().reason, Reason::interrupted);
  EXPECT_FALSE(fs::exists(root() / "a" / "f"));
}

TEST_P(ChannelContract, makes_the_root_of_no_files) {
  ASSERT_TRUE(channel().put(root() / "a", {}, patience()));
  EXPECT_EQ(mode_of(root() / "a"), 0700U);
}

TEST_P(ChannelContract, writes_nothing_when_one_path_leads_outside) {
  for (const char* bad : {"../f", "a/../../f", "/etc/f", "", "folder/"}) {
    EXPECT_FALSE(channel().put(
        root(),
        {{.path = "good", .bytes = "", .mode = 0600}, {.path = bad, .bytes = "", .mode = 0600}},
        patience()))
        << bad;
  }
  EXPECT_FALSE(channel().put("relative", {}, patience()));
  EXPECT_TRUE(fs::is_empty(root()));
}

TEST_P(ChannelContract, a_file_never_lands_inside_a_folder_of_its_name) {
  fs::create_directory(root() / "f");
  EXPECT_FALSE(channel().put(root(), {{.path = "f", .bytes = "x", .mode = 0600}}, patience()));
  EXPECT_TRUE(fs::is_empty(root() / "f"));
  EXPECT_EQ(std::distance(fs::directory_iterator(root()), {}), 1) << "nothing else is left";
}

TEST_P(ChannelContract, cannot_write_below_a_file) {
  ASSERT_TRUE(write_file(root() / "file", "", 0600));
  EXPECT_FALSE(
      channel().put(root() / "file", {{.path = "f", .bytes = "", .mode = 0600}}, patience()));
}

TEST_P(ChannelContract, a_file_that_does_not_exist_is_not_found) {
  EXPECT_EQ(channel().get(root() / "no", patience()).error().reason, Reason::not_found);
  const auto folder = channel().get(root(), patience());
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().reason, Reason::other);
}

TEST_P(ChannelContract, reads_any_bytes) {
  std::string bytes("\0\r\n\xff trailing\n\n", 16);
  ASSERT_TRUE(write_file(root() / "-odd", bytes, 0600));
  EXPECT_EQ(channel().get(root() / "-odd", patience()), bytes);
}

TEST_P(ChannelContract, tells_folders_from_everything_else) {
  ASSERT_TRUE(write_file(root() / "file", "", 0600));
  fs::create_directory_symlink(root(), root() / "link");
  EXPECT_EQ(channel().is_folder(root(), patience()), true);
  EXPECT_EQ(channel().is_folder(root() / "link", patience()), true);
  EXPECT_EQ(channel().is_folder(root() / "file", patience()), false);
  EXPECT_EQ(channel().is_folder(root() / "no", patience()), false);
  EXPECT_EQ(channel().is_folder(root() / "file" / "below", patience()), false);
}

TEST_P(ChannelContract, removes_a_tree_never_through_links_and_what_is_missing_is_done) {
  const fs::path tree = root() / "t";
  fs::create_directories(tree / "u" / ".hidden");
  fs::create_directory(root() / "other");
  ASSERT_TRUE(write_file(tree / "u" / ".hidden" / "file", "", 0400));
  ASSERT_TRUE(write_file(root() / "other" / "kept", "", 0400));
  fs::create_directory_symlink(root() / "other", tree / "u" / "link");
  fs::permissions(tree / "u" / ".hidden", fs::perms(0500));
  fs::permissions(tree / "u", fs::perms(0500));
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(channel().remove(tree, patience()));
  EXPECT_FALSE(fs::exists(tree));
  EXPECT_TRUE(fs::exists(root() / "other" / "kept"));
}

TEST_P(ChannelContract, gives_a_socket_of_the_machine_as_an_endpoint) {
  const fs::path socket = root() / "s: %h";
  const int listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket.native().copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(listener, 5), 0);
  std::optional<Endpoint> first;
  for (int i = 0; i < 2; ++i) {
    const auto endpoint = channel().forward(socket, patience());
    ASSERT_TRUE(endpoint) << endpoint.error().what << ": " << endpoint.error().why;
    if (first) {
      EXPECT_EQ(std::get<fs::path>(*endpoint), std::get<fs::path>(*first));
    }
    first = *endpoint;
    auto connection = Connection::open(*endpoint, patience());
    ASSERT_TRUE(connection);
    ASSERT_TRUE(connection->write_some(std::string_view("ping")));
    const int accepted = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    std::array<char, 4> buffer{};
    EXPECT_EQ(::recv(accepted, buffer.data(), buffer.size(), MSG_WAITALL), 4);
    EXPECT_EQ(::send(accepted, "pong", 4, 0), 4);
    EXPECT_EQ(connection->read_some(buffer), std::size_t{4});
    EXPECT_EQ(std::string_view(buffer.data(), 4), "pong");
    ::close(accepted);
    EXPECT_EQ(connection->read_some(buffer), std::size_t{0});
  }
  ::close(listener);
}

// A process that the machine has, in a session of its own: its pid is in the first line it writes.
class Started {
 public:
  Started(Channel& channel, const fs::path& folder, const std::string& script, Environment marks) {
    Command command = shell("setsid sh -c '" + script + "' >\"$OUT\" 2>/dev/null </dev/null &");
    marks["OUT"] = (folder / "started").string();
    command.environment = marks;
    EXPECT_TRUE(channel.run(command, patience()));
    EXPECT_TRUE(becomes_true([&] {
      const auto text = read_file(folder / "started");
      if (!text || !text->ends_with("ready\n")) return false;
      for (const auto& word : split(*text, '\n')) {
        if (!word.empty() && word != "ready") {
          const pid_t pid = std::stoi(word);
          ids_.push_back({pid, start_ticks(pid).value_or(0), boot_id()});
        }
      }
      return true;
    }));
    fs::remove(folder / "started");
  }
  ~Started() {
    for (const auto& id : ids_) signal_process(id, SIGKILL);
  }
  Started(const Started&) = delete;
  Started& operator=(const Started&) = delete;
  Started(Started&&) = delete;
  Started& operator=(Started&&) = delete;
  const ProcessId& operator[](std::size_t i) const { return ids_.at(i); }

 private:
  std::vector<ProcessId> ids_;
};

constexpr std::string_view mark = "CARREL_TEST_CONTRACT";
std::string value_of(std::string_view what) {
  return fmt::format("{} {}", what, ::getpid());
}

TEST_P(ChannelContract, knows_a_process_by_more_than_its_number) {
  const Started sleeping(channel(), root(), "echo $$; echo ready; exec sleep 600", {});
  EXPECT_EQ(channel().alive(sleeping[0], patience()), true);
  auto later = sleeping[0];
  ++later.start_ticks;
  auto before_the_reboot = sleeping[0];
  before_the_reboot.boot_id = "another boot";
  for (const auto& other : {later, before_the_reboot}) {
    EXPECT_EQ(channel().alive(other, patience()), false);
    EXPECT_TRUE(channel().end(other, mark, value_of("nobody"), Milliseconds(0), patience()));
  }
  EXPECT_EQ(channel().alive(sleeping[0], patience()), true) << "a reused number is never killed";
}

TEST_P(ChannelContract, asks_a_process_to_end_before_it_kills) {
  const Started polite(channel(), root(),
                       "trap \"echo bye >" + (root() / "bye").string() +
                           "; exit\" TERM; echo $$; echo ready; while :; do sleep 0.01; done",
                       {});
  ASSERT_TRUE(channel().end(polite[0], mark, value_of("polite"), Milliseconds(20'000), patience()));
  EXPECT_EQ(channel().alive(polite[0], patience()), false);
  EXPECT_TRUE(fs::exists(root() / "bye"));
}

TEST_P(ChannelContract, kills_what_does_not_end_when_asked_also_without_the_mark) {
  const Started deaf(channel(), root(),
                     "trap \"\" TERM; echo $$; echo ready; while :; do sleep 0.01; done", {});
  ASSERT_TRUE(channel().end(deaf[0], mark, value_of("deaf"), Milliseconds(100), patience()));
  EXPECT_EQ(channel().alive(deaf[0], patience()), false);
}

TEST_P(ChannelContract, kills_what_carries_the_mark_and_its_descendants_without_it) {
  const auto value = value_of("family\nwith two lines");
  const Started family(channel(), root(),
                       "trap \"\" TERM HUP; echo $$; env -i sleep 600 & echo $!; echo ready; wait",
                       {{std::string(mark), value}});
  const Started like_it(
      channel(), root(), "echo $$; echo ready; exec sleep 600",
      {{std::string(mark), value + "2"}, {"OTHER", "\n" + std::string(mark) + "=" + value + "\n"}});
  const Started below(
      channel(), root(),
      "echo $$; " + std::string(mark) + "=another sleep 600 & echo $!; echo ready; wait",
      {{std::string(mark), value}});
  ASSERT_TRUE(channel().end(std::nullopt, mark, value, Milliseconds(0), patience()));
  EXPECT_EQ(channel().alive(family[0], patience()), false);
  EXPECT_EQ(channel().alive(family[1], patience()), false);
  EXPECT_EQ(channel().alive(below[0], patience()), false);
  EXPECT_EQ(channel().alive(below[1], patience()), true) << "it has a mark of its own";
  EXPECT_EQ(channel().alive(like_it[0], patience()), true) << "another mark that begins like it";
  EXPECT_TRUE(channel().end(family[0], mark, value, Milliseconds(0), patience())) << "gone already";
}

TEST_P(ChannelContract, stops_waiting_politely_at_ctrl_c) {
  const Started deaf(channel(), root(),
                     "trap \"\" TERM; echo $$; echo ready; while :; do sleep 0.01; done", {});
  Interrupt interrupt;
  interrupt.raise();
  Wait wait = patience();
  wait.interrupt = &interrupt;
  const auto ended = channel().end(deaf[0], mark, value_of("ctrl-c"), Milliseconds(60'000), wait);
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().reason, Reason::interrupted);
}

const auto name_of_kind = [](const auto& kind) { return kind.param.name; };

INSTANTIATE_TEST_SUITE_P(
    Channels, ChannelContract,
    testing::Values(
        Kind{"direct", "here"}, Kind{"ssh", ""},
        Kind{
            "ssh_dash_that_prints",
            R"sh(printf 'Welcome!\nno newline'; printf 'oops' >&2; exec dash -c "$SSH_ORIGINAL_COMMAND")sh"}),
    name_of_kind);

class AnyLoginShell : public ChannelContract {};

TEST_P(AnyLoginShell, starts_the_command_unharmed) {
  Command odd = shell("printf '%s|' \"$@\" \"$A\"; cat; printf err >&2; exit 255");
  odd.argv.insert(odd.argv.end(), {"sh", "it's", "$HOME", "!x", "\\n", "a\nb", "*", ""});
  odd.environment = {{"A", "'\"\\!$\n"}};
  odd.input = "in\\put\n";
  const auto result = run(odd);
  EXPECT_EQ(result.output, "it's|$HOME|!x|\\n|a\nb|*||'\"\\!$\n|in\\put\n");
  EXPECT_EQ(result.error, "err");
  EXPECT_EQ(result.status, 255);
  EXPECT_TRUE(channel().put(root() / "a", {{.path = "f", .bytes = "x", .mode = 0600}}, patience()));
  EXPECT_EQ(channel().get(root() / "a" / "f", patience()), "x");
}

TEST_P(AnyLoginShell, is_not_in_the_way_of_ending_a_command) {
  Interrupt interrupt;
  std::string pid;
  Command waiting = shell("echo $$; exec sleep 600");
  waiting.on_output = [&](std::string_view line) {
    pid = line;
    interrupt.raise();
  };
  Wait wait = patience();
  wait.interrupt = &interrupt;
  ASSERT_FALSE(channel().run(waiting, wait));
  ASSERT_FALSE(pid.empty());
  EXPECT_TRUE(becomes_true([&] { return !start_ticks(std::stoi(pid)); }));
}

INSTANTIATE_TEST_SUITE_P(
    Channels, AnyLoginShell,
    testing::Values(Kind{"bash", R"sh(exec bash --norc -c "$SSH_ORIGINAL_COMMAND")sh"},
                    Kind{"zsh", R"sh(exec zsh -f -c "$SSH_ORIGINAL_COMMAND")sh"},
                    Kind{"fish", R"sh(exec fish --no-config -c "$SSH_ORIGINAL_COMMAND")sh"},
                    Kind{"tcsh", R"sh(exec tcsh -f -c "$SSH_ORIGINAL_COMMAND")sh"}),
    name_of_kind);

}  // namespace
}  // namespace carrel
