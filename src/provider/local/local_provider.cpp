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
#include <unordered_map>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr std::string_view this_computer = "this computer";
// A machine is an empty file, whose name says its state: one look at the folder answers for a
// thousand of them.
constexpr std::string_view running;
constexpr std::string_view stopped = ".stopped";

// The last part of the ref, which comes from the journal: with it alone, and never "..", none leads
// out of the folder.
std::string name_of(const MachineRef& machine, std::string_view state) {
  const auto last = std::string_view(machine.ref).substr(machine.ref.rfind('/') + 1);
  return fmt::format("machine-{}{}", last, state);
}

Result<> rename_if_there(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::error_code error;
  std::filesystem::rename(from, to, error);
  if (!error || error == std::errc::no_such_file_or_directory) return {};
  return fail(system_error(fmt::format("cannot rename {}", from.native()), error.value()));
}

}  // namespace

LocalProvider::LocalProvider(Processes& processes, WorkspacePaths paths, Environment environment)
    : processes_(processes), paths_(std::move(paths)), environment_(std::move(environment)) {}

std::filesystem::path LocalProvider::folder() const {
  return paths_.state / "machines";
}

bool LocalProvider::is_there(const MachineRef& machine) const {
  std::error_code error;
  return std::filesystem::exists(folder() / name_of(machine, running), error) ||
         std::filesystem::exists(folder() / name_of(machine, stopped), error);
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
  if (is_there(machine)) return machine;  // the same token: the same machine
  TRY(make_private_folder(folder()));
  TRY(write_file(folder() / name_of(machine, running), "", 0600));
  return machine;
}

Result<std::optional<MachineRef>> LocalProvider::find(const std::string& token, const Wait&) {
  MachineRef machine{.provider = name(), .place = std::string(this_computer), .ref = token};
  if (!is_there(machine)) return std::nullopt;
  return machine;
}

Result<std::vector<Observation>> LocalProvider::observe(const std::vector<MachineRef>& machines,
                                                        const Wait&) {
  std::unordered_map<std::string, bool> files;  // name → it is a file
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator(folder(), error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    std::error_code ignored;
    files.emplace(entry->path().filename().native(), entry->is_regular_file(ignored));
  }
  const bool unreadable = error && error != std::errc::no_such_file_or_directory;
  std::vector<Observation> answers;
  answers.reserve(machines.size());
  for (const auto& machine : machines) {
    Observation seen;
    const auto found = files.find(name_of(machine, running));
    if (unreadable || (found != files.end() && !found->second)) {
      seen.state = MachineState::unknown;
      seen.reason = fmt::format("cannot look at {}: {}", folder().native(),
                                unreadable ? error.message() : "a folder is in the way");
    } else if (found != files.end()) {
      seen.state = MachineState::running;
      seen.addresses = {"127.0.0.1"};
    } else {
      seen.state =
          files.contains(name_of(machine, stopped)) ? MachineState::stopped : MachineState::gone;
    }
    answers.push_back(std::move(seen));
  }
  return answers;
}

// One that is gone stays so: `observe` says it.
Result<> LocalProvider::start(const MachineRef& machine, const Wait&) {
  return rename_if_there(folder() / name_of(machine, stopped),
                         folder() / name_of(machine, running));
}

Result<> LocalProvider::stop(const MachineRef& machine, StopHow, const Wait&) {
  return rename_if_there(folder() / name_of(machine, running),
                         folder() / name_of(machine, stopped));
}

Result<> LocalProvider::remove(const MachineRef& machine, Keep, const Wait&) {
  TRY(remove_tree(folder() / name_of(machine, running)));
  return remove_tree(folder() / name_of(machine, stopped));
}

Result<std::unique_ptr<Channel>> LocalProvider::channel(const MachineRef&, const Wait&) {
  return std::make_unique<DirectChannel>(processes_, environment_);
}

}  // namespace carrel
