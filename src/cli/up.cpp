#include "base/error.hpp"
#include "base/names.hpp"
#include "base/number.hpp"
#include "base/secret.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/commands.hpp"
#include "cli/files.hpp"
#include "cli/machine_options.hpp"
#include "cli/password_input.hpp"
#include "cli/plan.hpp"
#include "cli/progress.hpp"
#include "cli/ready.hpp"
#include "cli/show.hpp"
#include "workspace/reach.hpp"
#include "workspace/site.hpp"
#include "workspace/spec.hpp"
#include "workspace/workspaces.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

namespace carrel::cli {
namespace {

namespace fs = std::filesystem;

Result<std::uint16_t> port_of(const std::string& text) {
  const auto number = number_of<std::uint16_t>(text);
  if (!number || *number == 0) {
    return usage_error("--port " + printable(text) + " is no port", "a number from 1 to 65535");
  }
  return *number;
}

// An interpreter or virtual environment that is named by a path is meant from the current folder,
// as a shell completes it; files (requirements.txt) are the workspace's own.
std::string environment_of(const std::string& text, const fs::path& here) {
  if (text.find('/') == std::string::npos) return text;
  const auto path = (here / text).lexically_normal();
  std::error_code error;
  return fs::is_directory(path, error) || ::access(path.c_str(), X_OK) == 0 ? path.string() : text;
}

Result<Spec> flags_of(const Given& given, const fs::path& here) {
  auto spec = TRY(machine_spec(given));
  if (const auto name = given.value("--name")) spec.name = TRY(WorkspaceName::parse(*name));
  spec.on = given.value("--on");
  if (const auto environment = given.value("--environment")) {
    spec.environment = environment_of(*environment, here);
  }
  if (const auto notebook = given.value("--notebook")) {
    TRY(check_notebook_path(*notebook));
    spec.notebook = *notebook;
  }
  if (const auto port = given.value("--port")) spec.port = TRY(port_of(*port));
  if (given.has("--public") && given.has("--private")) {
    return usage_error("--public and --private contradict each other");
  }
  if (given.has("--public")) spec.public_reach = true;
  if (given.has("--private")) spec.public_reach = false;
  return spec;
}

Result<fs::path> folder_of(const CommandContext& context) {
  const auto given = context.given.one("FOLDER");
  std::error_code error;
  const auto path = context.world.folder / (given.empty() ? "." : given);
  auto folder = fs::canonical(path, error);
  if (error) {
    return usage_error("there is no folder " + printable(given.empty() ? path.string() : given),
                       "carrel up FOLDER, or inside a folder: carrel up");
  }
  if (!fs::is_directory(folder, error)) {
    const bool notebook = folder.extension() == ".ipynb";
    return usage_error(printable(given) + " is no folder",
                       notebook ? "carrel up " + shell_quoted(folder.parent_path().string()) +
                                      " --notebook " + shell_quoted(folder.filename().string())
                                : "carrel up takes the folder that the notebooks are in");
  }
  return folder;
}

Result<std::optional<Secret>> password_given(const CommandContext& context) {
  if (context.given.has("--password-stdin")) return TRY(password_from_input(context));
  const auto file = context.variable("CARREL_PASSWORD_FILE");
  if (file.empty()) return std::nullopt;
  return TRY(password_from_file(context.world.folder / file, context.world.user));
}

Result<UpResult> bring_up(const CommandContext& context, Workspaces& workspaces,
                          const UpRequest& request) {
  auto progress = progress_for(context);
  auto result = workspaces.up(request, *progress, context.wait());
  progress->close(result ? ShownProgress::Outcome::done : ShownProgress::Outcome::failed);
  return result;
}

Result<std::optional<Plan>> plan_of(const CommandContext& context, Workspaces& workspaces,
                                    const UpRequest& request) {
  auto progress = progress_for(context);
  auto plan = workspaces.plan(request, *progress, context.wait());
  progress->close(ShownProgress::Outcome::done);
  return plan;
}

// Before anything is paid for; by the person's word where nobody else tells this computer's
// address.
Result<> learn_from(const CommandContext& context, Workspaces& workspaces, UpRequest& request) {
  auto known = workspaces.check_from(request, context.wait());
  auto& terminal = context.world.terminal;
  const bool can_ask = terminal.can_ask() && !context.given.has("--json");
  if (known || known.error().exit != Exit::act || !can_ask) return known;
  const bool is_public = TRY(workspaces.is_public(request));
  terminal.err(
      known.error().what + ": " + one_line(known.error().why) + "\n" +
      "What you answer is let in to the machine by ssh (port 22)" +
      (is_public ? ", and to the notebook (port " + std::to_string(public_port) + ")" : "") +
      ".\n");
  for (;;) {
    const auto answer = TRY(
        terminal.ask("This computer's address as others see it, or a network (203.0.113.0/24): ",
                     context.wait()));
    if (trimmed(answer).empty()) return known;
    auto network = parse_network(trimmed(answer));
    if (network) {
      request.flags.from = std::move(*network);
      return {};
    }
    terminal.err(network.error().what + ": " + network.error().hint + "\n");
  }
}

// As ssh-keygen shows it: SHA-256 in base 64 without padding.
Result<std::string> fingerprint_given(const Given& given) {
  auto text = given.value("--accept-host-key").value_or("");
  constexpr std::size_t length = std::string_view("SHA256:").size() + 43;
  if (text.empty() || (text.starts_with("SHA256:") && text.size() == length)) return text;
  return usage_error("\"" + printable(text) + "\" is no fingerprint of a host key",
                     "SHA256: and 43 characters, as ssh-keygen -l shows it");
}

// Asks for the host key that nobody vouches for; `error` where the person does not either.
Result<UpResult> with_their_word(const CommandContext& context, Workspaces& workspaces,
                                 UpRequest request, Error error) {
  auto& terminal = context.world.terminal;
  const bool nobody_vouches = error.reason == Reason::unverified && error.exit == Exit::act;
  if (!nobody_vouches || !terminal.can_ask()) return std::unexpected(std::move(error));
  const auto shown = workspaces.host_key(request.folder, context.wait());
  if (!shown) return std::unexpected(std::move(error));
  terminal.err(error_text(error, look_of(terminal, Output::err, context.world.environment)));
  const auto word = TRY(terminal.ask(
      "Is " + one_line(*shown) + " the machine's own host key? [y/N] ", context.wait()));
  if (trimmed(word) != "y" && trimmed(word) != "yes") return std::unexpected(std::move(error));
  request.accept_host_key = *shown;
  return bring_up(context, workspaces, request);
}

Result<int> run_up(CommandContext& context) {
  UpRequest request{.folder = TRY(folder_of(context)),
                    .flags = TRY(flags_of(context.given, context.world.folder)),
                    .password = {},
                    .accept_host_key = TRY(fingerprint_given(context.given))};
  auto workspaces = TRY(context.workspaces());
  if (context.given.has("--password-stdin")) {
    request.password = TRY(password_given(context));
  } else if (TRY(workspaces.is_public(request))) {
    request.password = TRY(password_given(context));
    if (TRY(workspaces.needs_password(request))) {
      request.password = TRY(ask_new_password(
          context, "Others will reach this notebook. A password for it: ",
          "give it with --password-stdin, or in a file that CARREL_PASSWORD_FILE names"));
    }
  }
  const auto to_send = TRY(workspaces.to_send(request, context.wait()));
  if (to_send && !TRY(agree_to_send(context, *to_send))) {
    context.world.terminal.err("Nothing was started, and nothing was sent.\n");
    return status_of(Exit::failed);
  }
  request.plan = TRY(plan_of(context, workspaces, request));
  if (request.plan && !context.given.has("--dry-run")) {
    TRY(learn_from(context, workspaces, request));
  }
  if (request.plan && !TRY(agree_to(context, *request.plan))) {
    context.world.terminal.err("Nothing was started, and nothing is paid for.\n");
    return status_of(Exit::failed);
  }
  if (context.given.has("--dry-run")) {
    if (!request.plan) context.world.terminal.err("There is nothing to pay for.\n");
    return 0;
  }
  auto result = bring_up(context, workspaces, request);
  if (!result) result = with_their_word(context, workspaces, request, result.error());
  if (!result) return std::unexpected(std::move(result).error());
  const auto row = TRY(workspaces.find(result->status.name.text(), context.world.folder));
  context.world.terminal.out(TRY(ready_lines(context, workspaces, row, *result)));
  return 0;
}

}  // namespace

Command up_command(const std::vector<std::string>& providers) {
  Command up{
      .name = "up",
      .group = "Start and stop",
      .summary = "make a notebook of a folder and prove that it works",
      .arguments = {{.name = "FOLDER",
                     .help = "the folder; without one, the current folder",
                     .offers = Offers::folders}},
      .options =
          {{.name = "--name",
            .value = "NAME",
            .help = "what the workspace is called; by default the folder's name"},
           {.name = "--on",
            .value = "PLACE",
            .help = "where it runs; by default this computer",
            .offers = Offers::providers,
            .choices = providers},
           {.name = "--environment",
            .letter = "-e",
            .value = "WHAT",
            .help = "`minimal`, `pytorch`, `tensorflow`, `jax`, a file of the folder such as "
                    "requirements.txt, or the path of an "
                    "interpreter or virtual environment; by default what the folder's files say",
            .offers = Offers::files,
            .choices = {"minimal", "pytorch", "tensorflow", "jax"}},
           {.name = "--notebook",
            .value = "PATH",
            .help = "opened first; a path inside the folder",
            .offers = Offers::notebooks},
           {.name = "--port",
            .letter = "-p",
            .value = "PORT",
            .help = "the port of the address; by default a free one"},
           {.name = "--public", .help = "let other computers reach it: HTTPS, and a password"},
           {.name = "--private", .help = "only this computer again, after --public"},
           {.name = "--password-stdin", .help = "read the password from standard input"},
           {.name = "--accept-host-key",
            .value = "FINGERPRINT",
            .help = "on a cloud: the machine's host key is this one (SHA256:...), where its "
                    "console does not show it"},
           {.name = "--dry-run", .help = "show what it would cost, and start nothing"},
           yes_option("do not ask before what costs money, nor before sending more than 500 MB"),
           json_option()},
      .text =
          "Makes the environment, starts Jupyter with JupyterLab, runs a cell in a real kernel "
          "through it, and prints an "
          "address that opens signed in. In a folder that has a workspace `up` means that one; "
          "when it is up already, "
          "it says so at once.\n\n"
          "    carrel up\n"
          "    carrel up examples/digits --environment pytorch\n"
          "    carrel up --environment ~/venvs/course --notebook lesson-1.ipynb\n\n"
          "What it should be can also stand in the folder's `carrel.toml`, see "
          "docs/reference/carrel.toml.md; "
          "options win.\n\n"
          "Without `--public` only this computer reaches the notebook. With it, the address is "
          "HTTPS with a "
          "certificate that Carrel makes, and a password is needed: `--password-stdin`, a file "
          "named by "
          "`CARREL_PASSWORD_FILE` that nobody else may read, or the answer on the terminal.\n\n"
          "    carrel up --public --password-stdin < password.txt\n\n"
          "On a cloud the machine itself then listens too, on port 8888, and lets in whom it lets "
          "in by ssh.\n\n"
          "An interrupted `up` leaves nothing half done that the next `up` would not complete.",
      .run = run_up};
  const auto before =
      std::ranges::find(up.options, std::string("--accept-host-key"), &Option::name);
  auto about_the_machine = machine_options();
  std::ranges::move(launch_options(), std::back_inserter(about_the_machine));
  up.options.insert(before, about_the_machine.begin(), about_the_machine.end());
  return up;
}

}  // namespace carrel::cli
