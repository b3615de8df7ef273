#include "cli/command.hpp"

#include "base/error.hpp"
#include "workspace/workspaces.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace carrel::cli {

std::optional<std::string> Given::value(std::string_view option) const {
  const auto found = options.find(option);
  if (found == options.end()) return std::nullopt;
  return found->second;
}

std::vector<std::string> Given::all(std::string_view argument) const {
  const auto found = arguments.find(argument);
  return found == arguments.end() ? std::vector<std::string>{} : found->second;
}

std::string Given::one(std::string_view argument) const {
  const auto found = arguments.find(argument);
  return found == arguments.end() || found->second.empty() ? "" : found->second.front();
}

Result<Workspaces> CommandContext::workspaces() const {
  auto where = TRY(paths());
  auto providers = world.providers(where);
  auto& keeper = world.keeper(where);
  return Workspaces::open({.clock = world.clock,
                           .random = world.random,
                           .http = world.http,
                           .providers = std::move(providers),
                           .here = world.here,
                           .paths = std::move(where),
                           .keeper = keeper,
                           .address_program = {world.program, "keeper-address"},
                           .proxy_program = {world.program, "ssh-proxy"}});
}

std::string CommandContext::variable(std::string_view name) const {
  const auto found = world.environment.find(std::string(name));
  return found == world.environment.end() ? "" : found->second;
}

Option json_option() {
  return {.name = "--json", .help = "print JSON for programs (docs/reference/json.md)"};
}

Option yes_option(std::string help) {
  return {.name = "--yes", .letter = "-y", .help = std::move(help)};
}

Option all_option() {
  return {.name = "--all", .help = "every workspace"};
}

Argument workspaces_argument() {
  return {.name = "NAME",
          .help = "workspaces; without one, that of the current folder",
          .many = true,
          .offers = Offers::workspaces};
}

Argument workspace_argument() {
  return {.name = "NAME",
          .help = "a workspace; without one, that of the current folder",
          .offers = Offers::workspaces};
}

}  // namespace carrel::cli
