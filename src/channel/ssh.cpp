#include "channel/ssh.hpp"

#include "base/error.hpp"
#include "base/number.hpp"
#include "base/text.hpp"
#include "channel/channel.hpp"
#include "channel/ssh_error.hpp"
#include "channel/ssh_session.hpp"
#include "channel/ssh_target.hpp"
#include "os/file.hpp"
#include "os/process.hpp"
#include "os/random.hpp"
#include "os/wait.hpp"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

namespace fs = std::filesystem;

constexpr int ssh_failed = 255;
constexpr std::size_t longest_line = 4096;
constexpr auto closing_time = std::chrono::seconds(2);
constexpr auto ending_time = std::chrono::seconds(5);

Error cannot_start(const Command& command, std::string_view word) {
  const std::string name = printable(command.argv.front());
  Error error{.what = "cannot start " + name, .why = {}, .hint = {}, .trace = {}};
  if (word == "missing") {
    error.why = "there is no such program on the machine";
    error.hint = "install " + name + " there, or add its folder to PATH";
    error.reason = Reason::not_found;
  } else if (word == "forbidden") {
    error.why = "it is not executable on the machine";
    error.reason = Reason::refused;
  } else {
    error.why = "there is no folder " + command.folder.value_or("").string() + " on the machine";
  }
  return error;
}

Error broken(const SshTarget& target, std::string_view words, bool lasting = false) {
  return {.what = "the connection to " + name_of(target) + " broke",
          .why = words.empty() ? "ssh's connection was closed"
                               : printable(trimmed(last_lines(words, 2))),
          .hint = lasting ? "the work goes on there; the same command again waits for it"
                          : "the command may still run there",
          .reason = Reason::unreachable,
          .trace = {}};
}

}  // namespace

Result<std::unique_ptr<SshChannel>> SshChannel::open(Processes& processes, Random& random,
                                                     Environment environment, SshTarget target) {
  if (target.folder.native().size() > longest_socket_folder) {
    return fail({.what = "cannot keep ssh's sockets in " + target.folder.string(),
                 .why = fmt::format("its path is longer than {} bytes", longest_socket_folder),
                 .hint = "choose a shorter folder (XDG_RUNTIME_DIR)",
                 .trace = {}});
  }
  fs::path folder = target.folder / hex(random.bytes(4));
  const std::string config = TRY(ssh_config(target, folder));
  TRY(make_private_folder(target.folder));
  TRY(make_private_folder(folder));
  TRY(write_file(folder / "config", config, 0600));
  return std::unique_ptr<SshChannel>(new SshChannel(processes, random, std::move(environment),
                                                    std::move(target), std::move(folder)));
}

SshChannel::~SshChannel() {
  std::error_code error;
  if (fs::exists(folder_ / "master", error)) {
    (void)processes_.run(ssh({"-O", "exit"}, {}), Wait::at_most(closing_time));
  }
  (void)remove_tree(folder_);
}

ProcessSpec SshChannel::ssh(std::vector<std::string> arguments, std::string line) const {
  ProcessSpec spec;
  spec.argv = {"ssh", "-F", (folder_ / "config").string(), "-E", (folder_ / "log").string()};
  spec.argv.insert(spec.argv.end(), arguments.begin(), arguments.end());
  spec.argv.insert(spec.argv.end(), {"--", target_.host});
  if (!line.empty()) spec.argv.push_back(std::move(line));
  spec.environment = environment_;
  return spec;
}

// The connection's own process has no other way to say why it ends.
std::string SshChannel::log_since(std::size_t size) const {
  const auto log = read_file(folder_ / "log");
  return log && log->size() > size ? log->substr(size) : std::string();
}

std::string SshChannel::nonce() {
  const std::lock_guard lock(mutex_);
  return hex(random_.bytes(16));
}

Result<SshChannel::Said> SshChannel::say(const Session& session, const Wait& wait) {
  if (session.script.contains('\0')) {
    return fail({.what = "cannot run a command through ssh",
                 .why = "an argument, a variable or a path contains a zero byte",
                 .hint = {},
                 .trace = {}});
  }
  const std::string once = nonce();
  Opening opening =
      session_opening(session.script, once, !session.input.empty() || session.input_from >= 0);
  ProcessSpec spec = ssh({"-T"}, std::move(opening.line));
  spec.input = std::move(opening.header) + session.input;
  spec.input_from = session.input_from;
  SessionOutput output(once, session.on_output, session.keep_output, session.on_bytes);
  spec.on_bytes = [&output](Stream stream, std::string_view bytes) {
    return output.add(stream, bytes);
  };
  const std::size_t logged = log_since(0).size();
  const auto result = processes_.run(spec, wait);
  if (!result) {
    end_session(once);
    return fail(result.error());
  }
  output.finish();
  if (output.too_long()) {
    end_session(once);
    return fail({.what = "a command on " + name_of(target_) + " wrote too much",
                 .why = {},
                 .hint = {},
                 .trace = {}});
  }
  if (output.unwanted()) {
    end_session(once);
    return fail({.what = "what a command on " + name_of(target_) + " wrote was not taken",
                 .why = {},
                 .hint = {},
                 .trace = {}});
  }
  if (auto end = output.end()) {
    return Said{.end = std::move(*end),
                .output = std::move(output.text(Stream::output)),
                .error = std::move(output.text(Stream::error))};
  }
  const std::string words = log_since(logged);
  if (output.begun()) return fail(broken(target_, words, session.lasting));
  const std::string said = output.text(Stream::output) + output.text(Stream::error);
  // a ProxyCommand speaks for itself
  if (result->status == ssh_failed) return fail(ssh_error(target_, said + words));
  return fail({.what = "the login shell of " + name_of(target_) + " runs no commands",
               .why = printable(trimmed(last_lines(said, 20))),
               .hint = {},
               .reason = Reason::refused,
               .trace = {}});
}

// What hangs up does not end by that.
void SshChannel::end_session(std::string_view nonce) {
  std::error_code error;
  if (!fs::exists(folder_ / "master", error)) return;
  Opening opening = session_opening(ending_script(nonce), this->nonce(), false);
  ProcessSpec spec = ssh({"-T"}, std::move(opening.line));
  spec.input = std::move(opening.header);
  (void)processes_.run(spec, Wait::at_most(ending_time));
}

Result<std::string> SshChannel::first_line(const Wait& wait) {
  ProcessSpec spec = ssh({"-T"}, "true");
  std::string said;
  std::string error;
  spec.on_bytes = [&](Stream stream, std::string_view bytes) {
    auto& text = stream == Stream::output ? said : error;
    text += bytes.substr(0, longest_line - text.size());
    return !said.contains('\n') && said.size() < longest_line;
  };
  const std::size_t logged = log_since(0).size();
  const auto ran = TRY(processes_.run(spec, wait));
  if (said.empty() && ran.status == ssh_failed) {
    return fail(ssh_error(target_, error + log_since(logged)));
  }
  return said.substr(0, said.find('\n'));
}

Result<ProcessResult> SshChannel::run(const Command& command, const Wait& wait) {
  if (command.terminal) return run_on_terminal(command, wait);
  Said said = TRY(say({.script = TRY(command_script(command)),
                       .input = command.input,
                       .on_output = command.on_output,
                       .keep_output = command.keep_output,
                       .input_from = command.input_from,
                       .on_bytes = command.on_bytes,
                       .lasting = command.lasting},
                      wait));
  if (said.end.find_first_not_of("0123456789") != std::string::npos) {
    return fail(cannot_start(command, said.end));
  }
  return ProcessResult{.status = number_of<int>(said.end).value_or(0),
                       .output = std::move(said.output),
                       .error = std::move(said.error)};
}

// Standard input is the person's: the script goes ahead, in a file of theirs.
Result<ProcessResult> SshChannel::run_on_terminal(const Command& command, const Wait& wait) {
  const Said said =
      TRY(say({.script = "umask 077\nfile=$(mktemp /tmp/carrel.XXXXXXXXXX) || exit\n"
                         "cat >\"$file\" && echo \"$file\" && echo \"$SSH_CONNECTION\"",
               .input = TRY(terminal_script(command)),
               .on_output = {}},
              wait));
  const auto lines = lines_of(said.output);
  if (said.end != "0" || lines.size() != 2 || shell_quoted(lines[0]) != lines[0]) {
    return fail(machine_error("cannot write to /tmp on " + name_of(target_), said.error));
  }
  ProcessSpec spec = ssh({"-t", "-q"}, terminal_line(lines[0]));
  spec.terminal = true;
  const std::size_t logged = log_since(0).size();
  auto result = processes_.run(spec, wait);
  const Session see = {.script = "rm -f " + lines[0] + "\necho \"$SSH_CONNECTION\"", .input = {}};
  if (!result) (void)say(see, Wait::at_most(ending_time));
  if (!result || result->status != ssh_failed) return result;
  // The command's own, or ssh's? It is the command's if the connection is still the same.
  const std::string words = log_since(logged);
  const Said now = TRY(say(see, wait));
  if (trimmed(now.output) == lines[1]) return result;
  return fail(broken(target_, words));
}

}  // namespace carrel
