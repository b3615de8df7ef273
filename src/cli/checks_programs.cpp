#include "base/text.hpp"
#include "cli/checks.hpp"
#include "cli/command.hpp"
#include "cli/show.hpp"
#include "environment/running.hpp"
#include "os/clock.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"
#include "workspace/check.hpp"
#include "workspace/paths.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel::cli {
namespace {

using State = Check::State;

struct Answer {
  bool found = false;    // the program is there
  bool success = false;  // and ended with 0
  std::string text;      // what it said, one line
};

Answer ask(const CommandContext& context, std::vector<std::string> argv) {
  if (!find_program(argv.front(), context.world.environment)) return {};
  ProcessSpec spec;
  spec.argv = std::move(argv);
  spec.environment = context.world.environment;
  const auto result = context.world.processes.run(
      spec, Wait::at_most(Milliseconds(10'000), &context.world.interrupt));
  if (!result) return {.found = true, .success = false, .text = one_line(result.error().what)};
  const auto& said = trimmed(result->output).empty() ? result->error : result->output;
  const auto lines = lines_of(said);
  return {
      .found = true,
      .success = result->status == 0,
      .text = lines.empty() ? "" : one_line(result->status == 0 ? lines.front() : lines.back())};
}

std::string fix_for(const CommandContext& context, const std::string& package) {
  return install_command(package, context.world.environment, context.world.user);
}

// A program that Carrel can do without.
Check optional_program(const CommandContext& context, const std::string& name,
                       std::vector<std::string> argv, const std::string& package,
                       const std::string& use) {
  const auto answer = ask(context, std::move(argv));
  if (answer.success) return {.name = name, .state = State::ok, .found = answer.text, .fix = {}};
  return {.name = name,
          .state = State::optional,
          .found = (answer.found ? "it fails: " + answer.text : "not there") + "; " + use,
          .fix = fix_for(context, package)};
}

}  // namespace

std::string install_command(const std::string& package, const Environment& environment,
                            unsigned user) {
  const std::vector<std::pair<std::string, std::string>> managers{{"apt-get", "apt install "},
                                                                  {"dnf", "dnf install "},
                                                                  {"zypper", "zypper install "},
                                                                  {"pacman", "pacman -S "}};
  for (const auto& [program, command] : managers) {
    if (!find_program(program, environment)) continue;
    std::string line = user == 0 ? "" : "sudo ";
    line += command;
    line += package;
    return line;
  }
  return (find_program("brew", environment) ? "brew install " : "install ") + package;
}

Check check_python(const CommandContext& context) {
  const auto answer =
      ask(context, {"python3", "-c",
                    "import sys; print('%d.%d.%d' % sys.version_info[:3], sys.executable, "
                    "'' if sys.version_info >= (3, 10) else 'old')"});
  if (answer.success && !answer.text.ends_with("old")) {
    return {.name = "python3", .state = State::ok, .found = answer.text, .fix = {}};
  }
  return {.name = "python3",
          .state = State::missing,
          .found = !answer.found ? "not there"
                   : answer.success
                       ? answer.text.substr(0, answer.text.size() - 4) + ": 3.10 or later is needed"
                       : "it fails: " + answer.text,
          .fix = fix_for(context, "python3")};
}

Check check_venv(const CommandContext& context) {
  const auto answer = ask(context, {"python3", "-c", "import venv, ensurepip; print('there')"});
  if (answer.success) return {.name = "venv", .state = State::ok, .found = answer.text, .fix = {}};
  return {.name = "venv",
          .state = State::missing,
          .found = "Python's modules venv and ensurepip are not there",
          .fix = fix_for(context, "python3-venv")};
}

Check check_uv(const CommandContext& context) {
  // Only Carrel's own is used; another one on PATH neither helps nor harms.
  const auto paths = WorkspacePaths::from(context.world.environment, context.world.user);
  std::error_code error;
  const bool there = paths && std::filesystem::exists(uv_program(paths->environment()), error);
  return {.name = "uv",
          .state = State::ok,
          .found = fmt::format("{} {}", uv_version(),
                               there ? "(Carrel's own)" : "comes from PyPI at the first up"),
          .fix = {}};
}

Check check_git(const CommandContext& context) {
  return optional_program(context, "git", {"git", "--version"}, "git",
                          "needed for requirements that name git repositories");
}

Check check_node(const CommandContext& context) {
  return optional_program(context, "node", {"node", "--version"}, "nodejs",
                          "only for extensions that are built here");
}

Check check_ssh(const CommandContext& context) {
  return optional_program(context, "OpenSSH", {"ssh", "-V"}, "openssh-client",
                          "only for machines elsewhere");
}

Check check_gpu(const CommandContext& context) {
  const auto answer = ask(context, {"nvidia-smi", "--query-gpu=name,memory.total,driver_version",
                                    "--format=csv,noheader"});
  if (answer.success && !answer.text.empty()) {
    return {.name = "GPU", .state = State::ok, .found = answer.text, .fix = {}};
  }
  return {.name = "GPU",
          .state = State::optional,
          .found = answer.found
                       ? "nvidia-smi fails: " + answer.text
                       : "none seen: there is no nvidia-smi; notebooks run on the processor",
          .fix = answer.found ? "look at the driver: nvidia-smi" : ""};
}

}  // namespace carrel::cli
