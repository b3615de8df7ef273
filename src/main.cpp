// The program: the real world, made once and handed down, and the table of commands.
#include "channel/direct.hpp"
#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "cli/program.hpp"
#include "cli/version.hpp"
#include "keeper/client.hpp"
#include "keeper/keeper.hpp"
#include "os/clock.hpp"
#include "os/http.hpp"
#include "os/https.hpp"
#include "os/memory.hpp"
#include "os/process.hpp"
#include "os/random.hpp"
#include "os/terminal.hpp"
#include "os/wait.hpp"
#include "provider/ec2/ec2_provider.hpp"
#include "provider/local/local_provider.hpp"
#include "workspace/paths.hpp"
#include "workspace/provider.hpp"

#include <cstdio>
#include <deque>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <unistd.h>
#include <vector>

namespace {

using namespace carrel;

int print_version() {
  const auto line = "carrel " + std::string(cli::version) + "\n";
  return std::fputs(line.c_str(), stdout) >= 0 && std::fflush(stdout) == 0 ? 0 : 1;
}

// As the AWS tools have it: a company's own authority.
std::optional<std::filesystem::path> authorities_of(const Environment& environment) {
  const auto found = environment.find("AWS_CA_BUNDLE");
  if (found == environment.end() || found->second.empty()) return std::nullopt;
  return found->second;
}

std::string this_program() {
  std::error_code error;
  const auto path = std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? "carrel" : path.string();
}

}  // namespace

int main(int argc, char** argv) {
  // Before anything is made: scripts ask for it at every login.
  if (argc == 2 && std::string_view(argv[1]) == "--version") return print_version();
  reuse_freed_memory();

  SystemClock clock;
  SystemRandom random;
  SystemProcesses processes;
  LocalHttp http;
  SystemTerminal terminal;
  Interrupt interrupt;
  interrupt.catch_signals();
  const auto environment = this_environment();
  DirectChannel here(processes, environment);
  CurlHttps https(authorities_of(environment));
  std::deque<LocalProvider> local;
  std::deque<Ec2Provider> ec2;
  std::deque<KeeperClient> keepers;
  const auto program = this_program();
  std::error_code gone;  // the current folder may have been removed; commands that need it say so

  const cli::World world{
      .clock = clock,
      .random = random,
      .processes = processes,
      .http = http,
      .here = here,
      .terminal = terminal,
      .interrupt = interrupt,
      .environment = environment,
      .folder = std::filesystem::current_path(gone),
      .program = program,
      .user = ::getuid(),
      .provider_names = {"local", "ec2"},
      .providers =
          [&](const WorkspacePaths& paths) {
            auto& this_computer = local.emplace_back(processes, paths, environment);
            auto& amazon = ec2.emplace_back(Ec2Outside{.processes = processes,
                                                       .https = https,
                                                       .clock = clock,
                                                       .random = random,
                                                       .environment = environment,
                                                       .paths = paths,
                                                       .node_name = node_name()});
            return Providers{{"local", &this_computer}, {"ec2", &amazon}};
          },
      .keeper = [&](const WorkspacePaths& paths) -> PortKeeper& {
        return keepers.emplace_back(
            processes, environment,
            KeeperPlace{.folder = paths.run, .log = paths.state / "keeper.log"},
            std::vector<std::string>{program, "keeper"});
      },
  };
  const std::vector<cli::Command> commands{
      cli::up_command(world.provider_names),
      cli::start_command(),
      cli::stop_command(),
      cli::rm_command(),
      cli::ls_command(world.provider_names),
      cli::status_command(),
      cli::logs_command(),
      cli::open_command(),
      cli::url_command(),
      cli::run_command(),
      cli::exec_command(),
      cli::ssh_command(),
      cli::ssh_config_command(),
      cli::forward_command(),
      cli::extend_command(),
      cli::push_command(),
      cli::pull_command(),
      cli::cp_command(),
      cli::doctor_command(world.provider_names),
      cli::cache_command(),
      cli::password_command(),
      cli::completion_command(),
      cli::help_command(),
      cli::keeper_command(),
      cli::keeper_address_command(),
      cli::ssh_proxy_command(),
  };
  return cli::run_program(world, commands, {argv + 1, argv + argc});
}
