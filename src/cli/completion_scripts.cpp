#include "base/text.hpp"
#include "cli/command.hpp"
#include "cli/completion.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace carrel::cli {
namespace {

constexpr std::string_view names_call = "carrel ls --names 2>/dev/null";

std::vector<const Command*> visible(const std::vector<Command>& commands) {
  std::vector<const Command*> result;
  for (const auto& command : commands) {
    if (!command.hidden) result.push_back(&command);
  }
  return result;
}

std::string names_of(const std::vector<Command>& commands) {
  std::vector<std::string> names;
  for (const auto* command : visible(commands)) names.push_back(command->name);
  return join(names, " ");
}

std::string option_words(const Command& command) {
  std::vector<std::string> words;
  for (const auto& option : command.options) {
    if (option.hidden) continue;
    words.push_back(option.name);
    if (!option.letter.empty()) words.push_back(option.letter);
  }
  words.emplace_back("--help");
  return join(words, " ");
}

std::string without_marks(std::string_view text) {
  std::string result;
  for (const char letter : text) {
    if (letter != '`') result += letter;
  }
  return result;
}

// One word in single quotes for bash, zsh and fish alike; help texts have neither ' nor a
// backslash.
std::string in_quotes(std::string_view text) {
  std::string result = "'";
  for (const char letter : without_marks(text))
    result += letter == '\'' || letter == '\\' ? ' ' : letter;
  return result + "'";
}

// What bash does for a word of this kind.
std::string bash_offer(Offers offers, const std::vector<std::string>& choices,
                       const std::vector<Command>& commands) {
  std::string call = choices.empty() ? "" : "_carrel_words " + in_quotes(join(choices, " "));
  const auto add = [&](std::string_view more) {
    call += (call.empty() ? "" : "; ") + std::string(more);
  };
  switch (offers) {
    case Offers::nothing:
    case Offers::providers:
      break;
    case Offers::folders:
      add("_carrel_paths -d");
      break;
    case Offers::files:
      add("_carrel_paths -f");
      break;
    case Offers::notebooks:
      add("_carrel_notebooks");
      break;
    case Offers::workspaces:
      add("_carrel_words \"$(" + std::string(names_call) + ")\"");
      break;
    case Offers::commands:
      add("_carrel_words " + in_quotes(names_of(commands)));
      break;
  }
  return call.empty() ? ":" : call;
}

std::string bash_case(const Command& command, const std::vector<Command>& commands) {
  std::string values;
  for (const auto& option : command.options) {
    if (option.hidden || option.value.empty()) continue;
    values += "        " + option.name + (option.letter.empty() ? "" : "|" + option.letter) + ") " +
              bash_offer(option.offers, option.choices, commands) + "; return ;;\n";
  }
  std::string text = "    " + command.name + ")\n";
  if (!values.empty()) text += "      case $previous in\n" + values + "      esac\n";
  text += "      if [[ $current == -* ]]; then _carrel_words " + in_quotes(option_words(command)) +
          "; return; fi\n";
  for (const auto& argument : command.arguments) {
    text += "      " + bash_offer(argument.offers, argument.choices, commands) + "\n";
  }
  return text + "      ;;\n";
}

std::string zsh_offer(Offers offers, const std::vector<std::string>& choices,
                      const std::vector<Command>& commands) {
  const auto list = join(choices, " ");
  switch (offers) {
    case Offers::folders:
      return "_directories";
    case Offers::files:
      return choices.empty() ? "_files" : "_carrel_files_or " + list;
    case Offers::notebooks:
      return "_files -g \"*.ipynb\"";
    case Offers::workspaces:
      return "_carrel_workspaces";
    case Offers::commands:
      return "(" + names_of(commands) + ")";
    case Offers::nothing:
    case Offers::providers:
      break;
  }
  return choices.empty() ? " " : "(" + list + ")";
}

// In _arguments, ':' and brackets of a text mean something.
std::string zsh_text(std::string_view text) {
  std::string result;
  for (const char letter : without_marks(text)) {
    result += letter == ':' || letter == '[' || letter == ']' || letter == '\'' ? ' ' : letter;
  }
  return result;
}

std::string zsh_case(const Command& command, const std::vector<Command>& commands) {
  std::string text = "    " + command.name + ")\n      _arguments -S";
  for (const auto& option : command.options) {
    if (option.hidden) continue;
    const auto tail =
        "[" + zsh_text(option.help) + "]" +
        (option.value.empty() ? ""
                              : ":" + zsh_text(option.value) + ":" +
                                    zsh_offer(option.offers, option.choices, commands));
    text += " \\\n        '" + option.name + tail + "'";
    if (!option.letter.empty()) text += " \\\n        '" + option.letter + tail + "'";
  }
  text += " \\\n        '--help[show help]'";
  for (const auto& argument : command.arguments) {
    text += " \\\n        '" +
            std::string(argument.many          ? "*"
                        : command.rest.empty() ? "1"
                                               : "::") +
            (command.rest.empty() || argument.many ? ":" : "") + zsh_text(argument.name) + ":" +
            zsh_offer(argument.offers, argument.choices, commands) + "'";
  }
  return text + "\n      ;;\n";
}

std::string fish_offer(Offers offers, const std::vector<std::string>& choices,
                       const std::vector<Command>& commands) {
  switch (offers) {
    case Offers::folders:
      return " -f -a '(__fish_complete_directories (commandline -ct))'";
    case Offers::files:
      return " -F" + (choices.empty() ? std::string() : " -a " + in_quotes(join(choices, " ")));
    case Offers::notebooks:
      return " -f -a '(__fish_complete_suffix .ipynb)'";
    case Offers::workspaces:
      return " -f -a '(" + std::string(names_call) + ")'";
    case Offers::commands:
      return " -f -a " + in_quotes(names_of(commands));
    case Offers::nothing:
    case Offers::providers:
      break;
  }
  return choices.empty() ? " -f" : " -f -a " + in_quotes(join(choices, " "));
}

}  // namespace

std::string bash_completion(const std::vector<Command>& commands) {
  std::string result = R"(# bash completion for carrel, made by `carrel completion bash`
_carrel_words() { COMPREPLY+=($(compgen -W "$1" -- "$current")); }
_carrel_paths() {
  local path
  compopt -o filenames 2>/dev/null
  while IFS= read -r path; do COMPREPLY+=("$path"); done < <(compgen "$1" -- "$current")
}
_carrel_notebooks() {
  local path
  compopt -o filenames 2>/dev/null
  while IFS= read -r path; do
    if [[ -d $path || $path == *.ipynb ]]; then COMPREPLY+=("$path"); fi
  done < <(compgen -f -- "$current")
}
_carrel() {
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} i
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
)";
  result += "    _carrel_words " + in_quotes(names_of(commands) + " help --help --version") +
            "\n    return\n  fi\n";
  result += R"(  for ((i = 2; i < COMP_CWORD; i++)); do
    if [[ ${COMP_WORDS[i]} == -- ]]; then
      if ((i == COMP_CWORD - 1)); then COMPREPLY=($(compgen -c -- "$current")); else _carrel_paths -f; fi
      return
    fi
  done
  case ${COMP_WORDS[1]} in
)";
  for (const auto* command : visible(commands)) result += bash_case(*command, commands);
  result += "    help) _carrel_words " + in_quotes(names_of(commands)) + " ;;\n";
  return result + "  esac\n}\ncomplete -F _carrel carrel\n";
}

std::string zsh_completion(const std::vector<Command>& commands) {
  std::string result =
      "#compdef carrel\n# zsh completion for carrel, made by `carrel completion zsh`\n"
      "_carrel_workspaces() {\n  local -a names\n  names=(${(f)\"$(" +
      std::string(names_call) +
      ")\"})\n  compadd -a names\n}\n"
      "_carrel_files_or() {\n  compadd -- \"$@\"\n  _files\n}\n"
      "_carrel() {\n  local -a commands\n  commands=(\n";
  for (const auto* command : visible(commands)) {
    result += "    '" + command->name + ":" + zsh_text(command->summary) + "'\n";
  }
  result +=
      "    'help:say more about a command'\n  )\n"
      "  if (( CURRENT == 2 )); then\n    _describe -t commands command commands\n    return\n  "
      "fi\n"
      "  local end=${words[(i)--]}\n"
      "  if (( end < CURRENT )); then\n    shift $end words\n    (( CURRENT -= end ))\n    "
      "_normal\n    return\n  fi\n"
      "  local command=${words[2]}\n  shift words\n  (( CURRENT-- ))\n  case $command in\n";
  for (const auto* command : visible(commands)) result += zsh_case(*command, commands);
  result += "    help) compadd -- " + names_of(commands) + " ;;\n";
  return result +
         "  esac\n}\nif [[ $funcstack[1] == _carrel ]]; then _carrel \"$@\"; else compdef _carrel "
         "carrel; fi\n";
}

std::string fish_completion(const std::vector<Command>& commands) {
  std::string result =
      "# fish completion for carrel, made by `carrel completion fish`\ncomplete -c carrel -f\n";
  const auto none = "complete -c carrel -n '__fish_is_first_token' -a ";
  for (const auto* command : visible(commands)) {
    result += none + command->name + " -d " + in_quotes(command->summary) + "\n";
  }
  result += std::string(none) + "help -d 'say more about a command'\n";
  for (const auto* command : visible(commands)) {
    const auto in = "complete -c carrel -n '__fish_seen_subcommand_from " + command->name + "'";
    for (const auto& option : command->options) {
      if (option.hidden) continue;
      result += in + " -l " + option.name.substr(2);
      if (!option.letter.empty()) result += " -s " + option.letter.substr(1);
      if (!option.value.empty())
        result += " -r" + fish_offer(option.offers, option.choices, commands);
      result += " -d " + in_quotes(option.help) + "\n";
    }
    result += in + " -l help -s h -d 'show help'\n";
    for (const auto& argument : command->arguments) {
      result += in + fish_offer(argument.offers, argument.choices, commands) + "\n";
    }
  }
  return result + "complete -c carrel -n '__fish_seen_subcommand_from help' -a " +
         in_quotes(names_of(commands)) + "\n";
}

}  // namespace carrel::cli
