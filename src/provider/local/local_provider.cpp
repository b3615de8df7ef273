#include "provider/local/local_provider.hpp"

#include "base/error.hpp"
#include "channel/channel.hpp"
#include "channel/direct.hpp"
#include "os/clock.hpp"
#include "os/file.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"
#include "workspace/paths.hpp"
#include "workspace/provider.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr std::string_view this_computer = "this computer";
// Told apart by size alone: `ls` asks for a thousand of them.
constexpr std::string_view running;
constexpr std::string_view stopped = "stopped\n";

}  // namespace

LocalProvider::LocalProvider(Processes& processes, WorkspacePaths paths, Environment environment)
    : processes_(processes), paths_(std::move(paths)), environment_(std::move(environment)) {}

// The ref comes from the journal: with only the last part, and never "..", none leads out of the
// folder.
std::filesystem::path LocalProvider::file_of(const MachineRef& machine) const {
  const auto last = std::string_view(machine.ref).substr(machine.ref.rfind('/') + 1);
  return fmt::format("{}/machines/machine-{}", paths_.state.native(), last);
}

ProviderFacts LocalProvider::facts() const {
  return {.continuity = ProviderFacts::Continuity::same_machine,
          .supervisor = ProviderFacts::Supervisor::process_group,
          .this_computer = true,
          .poll = {.first = Milliseconds(10), .cap = Milliseconds(1000)}};
}

Result<std::vector<Offer>> LocalProvider::offers(const Hardware&, const Wait&) {
  return std::vector<Offer>{{.place = std::string(this_computer)}};
}

Result<MachineRef> LocalProvider::create(const Intent& intent, const Wait&) {
  MachineRef machine{.provider = name(), .place = std::string(this_computer), .ref = intent.token};
  if (machine.ref.empty()) return fail({.what = "a machine was asked for without a token"});
  const auto file = file_of(machine);
  std::error_code error;
  if (std::filesystem::exists(file, error)) return machine;  // the same token: the same machine
  TRY(make_private_folder(file.parent_path()));
  TRY(write_file(file, running, 0600));
  return machine;
}

Result<std::optional<MachineRef>> LocalProvider::find(const std::string& token, const Wait&) {
  MachineRef machine{.provider = name(), .place = std::string(this_computer), .ref = token};
  std::error_code error;
  if (!std::filesystem::exists(file_of(machine), error)) return std::nullopt;
  return machine;
}

Result<std::vector<Observation>> LocalProvider::observe(const std::vector<MachineRef>& machines,
                                                        const Wait&) {
  std::vector<Observation> answers;
  answers.reserve(machines.size());
  for (const auto& machine : machines) {
    Observation seen;
    const auto file = file_of(machine);
    std::error_code error;
    const auto size = std::filesystem::file_size(file, error);
    if (error == std::errc::no_such_file_or_directory) {
      seen.state = MachineState::gone;
    } else if (error) {
      seen.state = MachineState::unknown;
      seen.reason = fmt::format("cannot look at {}: {}", file.native(), error.message());
    } else if (size == stopped.size()) {
      seen.state = MachineState::stopped;
    } else {
      seen.state = MachineState::running;
      seen.addresses = {"127.0.0.1"};
    }
    answers.push_back(std::move(seen));
  }
  return answers;
}

Result<> LocalProvider::start(const MachineRef& machine, const Wait&) {
  const auto file = file_of(machine);
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return {};  // gone: `observe` says so
  return write_file(file, running, 0600);
}

Result<> LocalProvider::stop(const MachineRef& machine, StopHow, const Wait&) {
  const auto file = file_of(machine);
  std::error_code error;
  if (!std::filesystem::exists(file, error)) return {};
  return write_file(file, stopped, 0600);
}

Result<> LocalProvider::remove(const MachineRef& machine, Keep, const Wait&) {
  return remove_tree(file_of(machine));
}

Result<std::unique_ptr<Channel>> LocalProvider::channel(const MachineRef&, const Wait&) {
  return std::make_unique<DirectChannel>(processes_, environment_);
}

}  // namespace carrel
