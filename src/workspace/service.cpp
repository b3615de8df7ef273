#include "workspace/service.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "channel/channel.hpp"
#include "jupyter/server_config.hpp"
#include "machine/boot.hpp"
#include "machine/server_unit.hpp"
#include "os/process.hpp"
#include "os/wait.hpp"
#include "workspace/journal.hpp"
#include "workspace/provider.hpp"
#include "workspace/site.hpp"
#include "workspace/spec.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr int lines_of_a_failure = 10;

std::string unit_of(const Site& site) {
  return server_unit_name(site.row.id.short_text());
}

Result<ProcessResult> as_root(Site& site, std::string script, std::string input, const Wait& wait) {
  return site.channel->run(
      {.argv = {"sudo", "-n", "sh", "-c", std::move(script)}, .input = std::move(input)}, wait);
}

// carrel_server's own line, where it has refused.
Error not_started(const Site& site, const ProcessResult& ran) {
  for (const auto& line : lines_of(ran.output)) {
    if (!line.starts_with("{\"error\"")) continue;
    if (auto refusal = read_started(line); !refusal) return std::move(refusal.error());
  }
  return {.what = "Jupyter's service could not be started",
          .why = printable(last_lines(ran.output + ran.error, lines_of_a_failure)),
          .hint = fmt::format("carrel ssh {} -- systemctl status {} shows more",
                              site.row.name.text(), unit_of(site)),
          .trace = {}};
}

}  // namespace

bool has_services(const Site& site) {
  const auto facts = site.provider->facts();
  return facts.supervisor == ProviderFacts::Supervisor::systemd && facts.root;
}

Result<ProcessId> start_service(Site& site, const ServerRow& row,
                                const std::vector<std::string>& argv, const Wait& wait) {
  auto unit = server_unit_text(
      {.workspace = site.row.name.text(), .user = TRY(parse_login(site.login)), .argv = argv});
  const auto ran = TRY(as_root(site, start_unit_script(unit_of(site)), std::move(unit), wait));
  if (ran.status != 0) return fail(not_started(site, ran));
  const auto file = TRY(read_server_file(
      TRY(site.channel->get(std::filesystem::path(row.runtime_folder) / "server.json", wait))));
  return ProcessId{.pid = file.pid, .start_ticks = file.start_ticks, .boot_id = file.boot_id};
}

Result<> stop_service(Site& site, const Wait& wait) {
  const auto ran = TRY(as_root(site, stop_unit_script(unit_of(site)), {}, wait));
  if (ran.status == 0) return {};
  return fail({.what = fmt::format("Jupyter's service {} could not be ended", unit_of(site)),
               .why = printable(last_lines(ran.error, lines_of_a_failure)),
               .hint = {},
               .trace = {}});
}

Result<bool> service_is_coming(Site& site, const Wait& wait) {
  const auto ran =
      TRY(site.channel->run({.argv = {"systemctl", "is-active", unit_of(site)}}, wait));
  const auto state = trimmed(ran.output);  // of one that starts again, all three, one by one
  return state == "deactivating" || state == "activating" || state == "active";
}

std::string boot_trouble(Site& site, const Wait& wait) {
  const auto result = site.channel->get(boot_result_file, wait);
  const auto errors = result ? boot_errors(*result) : std::vector<std::string>();
  if (errors.empty()) return {};
  const auto ran =
      site.channel->run({.argv = {"sudo", "-n", "tail", "-n", "12", boot_log_file}}, wait);
  return printable(join(errors, "\n") + "\n" +
                   (ran ? last_lines(ran->output, lines_of_a_failure) : std::string()));
}

}  // namespace carrel
