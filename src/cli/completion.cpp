#include "cli/completion.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/commands.hpp"

#include <string>

namespace carrel::cli {
namespace {

Result<int> run_completion(CommandContext& context) {
  const auto shell = context.given.one("SHELL");
  auto& terminal = context.world.terminal;
  if (shell == "bash") {
    terminal.out(bash_completion(context.commands));
  } else if (shell == "zsh") {
    terminal.out(zsh_completion(context.commands));
  } else if (shell == "fish") {
    terminal.out(fish_completion(context.commands));
  } else {
    return usage_error("no completion for the shell " + printable(shell), "bash, zsh or fish");
  }
  return 0;
}

}  // namespace

Command completion_command() {
  return {.name = "completion",
          .group = "This computer",
          .summary = "print the script that makes a shell complete carrel",
          .arguments = {{.name = "SHELL",
                         .help = "bash, zsh or fish",
                         .required = true,
                         .choices = {"bash", "zsh", "fish"}}},
          .text =
              "The Debian package installs the scripts; otherwise:\n\n"
              "    carrel completion bash > ~/.local/share/bash-completion/completions/carrel\n"
              "    carrel completion zsh > ~/.zsh/completions/_carrel      # a folder of fpath\n"
              "    carrel completion fish > ~/.config/fish/completions/carrel.fish",
          .run = run_completion};
}

}  // namespace carrel::cli
