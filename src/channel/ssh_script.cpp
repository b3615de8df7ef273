// A command as a script for a POSIX sh. Nothing is assumed but sh and coreutils; what the script
// sets for itself, it sets in subshells, lest it change a variable of the machine.
#include "base/error.hpp"
#include "base/text.hpp"
#include "channel/channel.hpp"
#include "channel/ssh_session.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace carrel {
namespace {

constexpr std::string_view look_for_program = R"sh((
kind=missing
case $1 in
*/*) if [ -f "$1" ]; then if [ -x "$1" ]; then exit 0; fi; kind=forbidden; fi ;;
*)
  IFS=:; set -f
  for place in ${PATH-/usr/local/bin:/usr/bin:/bin}; do
    if [ -f "$place/$1" ]; then if [ -x "$place/$1" ]; then exit 0; fi; kind=forbidden; fi
  done ;;
esac
carrel_end $kind
exit 1
) || exit
)sh";

// $1: what /bin/sh is to run. As a unit of the machine where it has systemd and lets this person
// ask for one, else in a session of its own. What it writes goes to files, which are followed here.
constexpr std::string_view lasting =
    R"sh(work=$(mktemp -d "${TMPDIR:-/tmp}/carrel.XXXXXXXXXX") || exit
mask=$(umask)
umask 077
{ export -p; echo "umask $mask"; printf '%s\n' "$1"; } >"$work/script" &&
  : >"$work/output" && : >"$work/error" || exit
run='/bin/sh "$0/script" >"$0/output" 2>"$0/error" </dev/null; echo $? >"$0/status"'
unit=carrel-work-${work##*.}
if [ -d /run/systemd/system ] && sudo -n systemd-run --quiet --collect --unit="$unit" \
  --uid="$(id -u)" --gid="$(id -g)" --working-directory="$PWD" --property=OOMPolicy=continue \
  /bin/sh -c "$run" "$work" 2>/dev/null; then
  pid=$(systemctl show --property=MainPID --value "$unit")
else
  setsid /bin/sh -c "$run" "$work" </dev/null >/dev/null 2>&1 &
  pid=$!
fi
if [ "${pid:-0}" = 0 ]; then
  cat "$work/output"; cat "$work/error" >&2
else
  tail -s 0.05 --pid="$pid" -n +1 -f "$work/output" &
  tail -s 0.05 --pid="$pid" -n +1 -f "$work/error" >&2 &
  wait
fi
status=143
read -r status 2>/dev/null <"$work/status"
rm -rf "$work"
exit "$status"
)sh";

bool is_name(std::string_view name) {
  const auto is_letter = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
  };
  return !name.empty() && is_letter(name.front()) &&
         std::ranges::all_of(name, [&](char c) { return is_letter(c) || (c >= '0' && c <= '9'); });
}

Error cannot_start(const Command& command, std::string why) {
  return {.what = fmt::format("cannot start {}", command.argv.empty()
                                                     ? std::string("a program")
                                                     : printable(command.argv.front())),
          .why = std::move(why),
          .hint = {},
          .trace = {}};
}

// As `substituted` (templates.hpp) does it, by the machine's shell.
std::string template_word(std::string_view value) {
  std::string word;
  std::string plain;
  const auto end_plain = [&] {
    if (!plain.empty()) word += shell_quoted(std::exchange(plain, {}));
  };
  while (!value.empty()) {
    const std::size_t close = value.starts_with("${") ? value.find('}') : std::string_view::npos;
    if (value.starts_with("$$")) {
      plain += '$';
      value.remove_prefix(2);
    } else if (close != std::string_view::npos && is_name(value.substr(2, close - 2))) {
      end_plain();
      word += fmt::format(R"("${{{0}-\${{{0}\}}}}")", value.substr(2, close - 2));
      value.remove_prefix(close + 1);
    } else {
      plain += value.front();
      value.remove_prefix(1);
    }
  }
  end_plain();
  return word;
}

std::string without_script(const std::vector<std::string>& without) {
  std::string script;
  std::vector<std::string> patterns;
  for (std::string_view name : without) {
    if (name.ends_with('*')) {
      name.remove_suffix(1);
      patterns.push_back((name.empty() ? std::string() : shell_quoted(name)) + "*");
    } else if (is_name(name)) {
      script += fmt::format("unset {}\n", name);
    }
  }
  if (patterns.empty()) return script;
  // before PATH may go;
  // a line that only looks like a variable, in the value of another one, names nothing or what goes
  // anyway
  return fmt::format(R"sh(unset _ $(env | while IFS== read -r name value; do
case $name in ''|[0-9]*|*[!A-Za-z0-9_]*) ;; {}) echo "$name" ;; esac
done)
)sh",
                     join(patterns, "|")) +
         script;
}

Result<std::string> environment_script(const Command& command) {
  std::string script = without_script(command.without);
  std::string words;
  for (const auto* variables : {&command.environment, &command.templates}) {
    for (const auto& [name, value] : *variables) {
      if (!is_name(name)) {
        return fail(cannot_start(
            command, "the variable \"" + printable(name) + "\" cannot be passed on through ssh"));
      }
      // all words are read before the first variable is set
      words +=
          fmt::format(" {}={}", name,
                      variables == &command.templates ? template_word(value) : shell_quoted(value));
    }
  }
  if (!words.empty()) script += "export" + words + "\n";
  return script;
}

Result<> check(const Command& command) {
  if (command.argv.empty() || command.argv.front().empty()) {
    return fail(cannot_start(command, "it has no name"));
  }
  return {};
}

}  // namespace

Result<std::string> command_script(const Command& command) {
  TRY(check(command));
  std::string script = TRY(environment_script(command));
  if (command.folder) {
    script += fmt::format("cd {} || {{ carrel_end no_folder; exit; }}\n",
                          shell_quoted(command.folder->string()));
  }
  script += fmt::format("set -- {}\n", shell_quoted(command.argv.front()));
  script += look_for_program;
  const auto last = "exec " + shell_joined(command.argv);
  if (!command.lasting) return script + last;
  return script + fmt::format("set -- {}\n", shell_quoted(last)) + std::string(lasting);
}

Result<std::string> terminal_script(const Command& command) {
  TRY(check(command));
  std::string script = "(\n" + TRY(environment_script(command));
  if (command.folder) {
    script += fmt::format("cd {} || exit\n", shell_quoted(command.folder->string()));
  }
  // the session goes when its leader does, and Ctrl-C reaches both
  return "trap : INT QUIT\n" + script + "exec " + shell_joined(command.argv) + "\n)\nexit $?\n";
}

// A login shell that has not yet become /bin/sh has the nonce in its arguments, too.
std::string ending_script(std::string_view nonce) {
  return fmt::format(R"sh(groups=
for process in /proc/[0-9]*; do
  line=
  read -r line 2>/dev/null <"$process/cmdline" || [ -n "$line" ] || continue
  case $line in *carrel-session*{}*) ;; *) continue ;; esac
  read -r line 2>/dev/null <"$process/stat" || continue
  set -- ${{line##*)}}
  case " $groups " in *" $3 "*) ;; *) groups="$groups $3" ;; esac
done
for signal in TERM KILL; do
  for group in $groups; do kill -s $signal -- "-$group" 2>/dev/null; done
  tries=0
  while [ $tries -lt 40 ]; do
    left=
    for group in $groups; do if kill -s 0 -- "-$group" 2>/dev/null; then left=1; fi; done
    [ -n "$left" ] || exit 0
    sleep 0.05
    tries=$((tries + 1))
  done
done
)sh",
                     nonce);
}

}  // namespace carrel
