// The man page and the pages of docs/reference.
#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/help.hpp"
#include "cli/version.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace carrel::cli {
namespace {

std::string replaced(std::string_view text, std::string_view from, std::string_view to) {
  std::string result;
  std::size_t at = 0;
  while (true) {
    const auto found = text.find(from, at);
    result += text.substr(at, found - at);
    if (found == std::string_view::npos) return result;
    result += to;
    at = found + from.size();
  }
}

// Text for roff (groff_man(7)): backslashes and hyphens to be copied, no line that begins with a
// control character.
std::string roff(std::string_view text) {
  auto result = replaced(replaced(text, "\\", "\\e"), "-", "\\-");
  if (result.starts_with('.') || result.starts_with('\'')) result = "\\&" + result;
  return replaced(replaced(result, "\n.", "\n\\&."), "\n'", "\n\\&'");
}

std::string roff_emphasised(std::string_view text) {
  const auto parts = split(text, '`');
  std::string result;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    result += i % 2 == 1 ? "\\fB" + roff(parts[i]) + "\\fR" : roff(parts[i]);
  }
  return result;
}

std::string roff_command(const Command& command) {
  auto result = ".SS " + command.name + "\n.B " + roff(usage_line(command)) + "\n.PP\n" +
                roff(command.summary) + ".\n";
  for (const auto& argument : command.arguments) {
    result += ".TP\n.I " + roff(argument.name) + "\n" + roff_emphasised(argument.help) + "\n";
  }
  for (const auto& option : command.options) {
    if (option.hidden) continue;
    result += ".TP\n.B " + roff(option_head(option)) + "\n" + roff_emphasised(option.help) + "\n";
  }
  for (const auto& block : blocks_of(command.text)) {
    result += block.literal ? ".PP\n.EX\n" + roff(block.text) + "\n.EE\n"
                            : ".PP\n" + roff_emphasised(block.text) + "\n";
  }
  return result;
}

std::string cell(std::string_view text) {
  return replaced(text, "|", "\\|");
}

std::string row_of(const std::string& head, const std::string& help) {
  return "| `" + cell(head) + "` | " + cell(help) + " |\n";
}

constexpr std::string_view generated =
    "<!-- made by `carrel help`: see docs/reference/README.md -->\n";

}  // namespace

std::string man_page(const std::vector<Command>& commands) {
  std::string result =
      ".TH CARREL 1 \"\" \"carrel " + std::string(version) +
      "\" \"User Commands\"\n"
      ".SH NAME\ncarrel \\- a notebook for deep learning, from one command to a "
      "cell that has run\n"
      ".SH SYNOPSIS\n.B carrel\n.I COMMAND\n[\\fIOPTIONS\\fR] [\\fIARGUMENTS\\fR]\n"
      ".br\n.B carrel \\-\\-version\n.br\n.B carrel\n.I COMMAND\n.B \\-\\-help\n"
      ".SH DESCRIPTION\nCarrel makes the environment of a folder, starts Jupyter in it "
      "and proves that it works by running a cell.\n"
      "What it makes is a workspace; it has a name, by default the folder's.\n"
      ".SH COMMANDS\n";
  for (const auto& command : commands) {
    if (!command.hidden) result += roff_command(command);
  }
  return result +
         ".SH EXIT STATUS\n.TP\n.B 0\ndone\n.TP\n.B 1\nfailed\n.TP\n.B 2\nthe command line or a "
         "specification was wrong\n"
         ".TP\n.B 3\nsomething that only you can do comes first\n.TP\n.B 130\ninterrupted\n"
         ".SH ENVIRONMENT\n"
         ".TP\n.B CARREL_PASSWORD_FILE\na file with the password for \\fBup \\-\\-public\\fR; "
         "nobody "
         "else may read it\n"
         ".TP\n.B BROWSER\nthe browser that \\fBopen\\fR starts\n"
         ".TP\n.B NO_COLOR\nno colours, when it is set\n"
         ".TP\n.BR XDG_STATE_HOME \", \" XDG_DATA_HOME \", \" XDG_CACHE_HOME\nwhere Carrel keeps "
         "its "
         "journal, its environments and its cache\n"
         ".SH FILES\n.TP\n.I carrel.toml\nwhat the workspace of a folder should be\n"
         ".TP\n.I ~/.local/state/carrel\nthe journal, and the logs of the servers\n";
}

std::string markdown_page(const Command& command) {
  std::string result = std::string(generated) + "# carrel " + command.name + "\n\n" +
                       command.summary + ".\n\n```\n" + usage_line(command) + "\n```\n";
  for (const auto& block : blocks_of(command.text)) {
    result += block.literal ? "\n```\n" + block.text + "\n```\n" : "\n" + block.text + "\n";
  }
  if (!command.arguments.empty()) {
    result += "\n| argument | |\n|---|---|\n";
    for (const auto& argument : command.arguments) result += row_of(argument.name, argument.help);
  }
  result += "\n| option | |\n|---|---|\n";
  for (const auto& option : command.options) {
    if (!option.hidden) result += row_of(option_head(option), option.help);
  }
  result += row_of("-h, --help", "show this");
  return result + "\n[Exit codes](exit-codes.md) · [All commands](README.md)\n";
}

std::string markdown_index(const std::vector<Command>& commands) {
  std::string result =
      std::string(generated) +
      "# Reference\n\n"
      "The pages of the commands say what `carrel COMMAND --help` says; "
      "`python3 tests/cli/reference_test.py --write` makes them from the program,\n"
      "and the tests fail when they differ.\n\n| command | |\n|---|---|\n";
  for (const auto& command : commands) {
    if (command.hidden) continue;
    result +=
        "| [" + command.name + "](" + command.name + ".md) | " + cell(command.summary) + " |\n";
  }
  return result +
         "\n| page | |\n|---|---|\n"
         "| [states.md](states.md) | the states of a machine and a server, and the word for both "
         "|\n"
         "| [json.md](json.md) | what `--json` prints |\n"
         "| [carrel.toml.md](carrel.toml.md) | the keys of `carrel.toml` |\n"
         "| [exit-codes.md](exit-codes.md) | what the exit status says |\n";
}

}  // namespace carrel::cli
