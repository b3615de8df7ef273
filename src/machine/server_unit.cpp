#include "machine/server_unit.hpp"

#include <string>
#include <string_view>

#include <fmt/format.h>

namespace carrel {
namespace {

// As sshd gives it to its sessions, but for what would lead Python and Jupyter astray. A process
// that memory is taken from is no reason to end the others.
constexpr std::string_view text = R"unit([Unit]
Description=Jupyter Server of {} (Carrel)
After=network.target
StartLimitIntervalSec=2min
StartLimitBurst=5

[Service]
Type=notify
User={}
WorkingDirectory=~
EnvironmentFile=-/etc/environment
EnvironmentFile=-/etc/default/locale
UnsetEnvironment=PYTHONPATH PYTHONHOME PYTHONSTARTUP VIRTUAL_ENV CONDA_PREFIX JUPYTER_PATH
ExecStart={}
Restart=on-failure
RestartSec=1s
RestartPreventExitStatus=1
KillMode=mixed
TimeoutStartSec=5min
TimeoutStopSec=20s
OOMPolicy=continue
TasksMax=infinity

[Install]
WantedBy=multi-user.target
)unit";

constexpr std::string_view start = R"sh(set -eu
umask 022
file=/etc/systemd/system/$1
cat >"$file.new"
if cmp -s "$file.new" "$file"; then
  rm "$file.new"
else
  mv "$file.new" "$file"
  systemctl daemon-reload
fi
systemctl is-enabled --quiet "$1" || systemctl enable --quiet --no-reload "$1"
systemctl reset-failed "$1" 2>/dev/null || :
if ! systemctl restart "$1" 2>/dev/null; then
  journalctl --sync 2>/dev/null || :
  id=$(systemctl show --property=InvocationID --value "$1")
  journalctl --quiet --no-pager --output=cat --lines=20 "_SYSTEMD_INVOCATION_ID=$id"
  systemctl show --property=Result "$1"
  exit 1
fi
)sh";

constexpr std::string_view stop = R"sh(set -eu
[ -e "/etc/systemd/system/$1" ] || exit 0
systemctl disable --quiet --now "$1"
)sh";

// One word of an ExecStart= line, whatever is in it (systemd.service(5), "Command lines";
// specifiers of systemd.unit(5)).
std::string one_word(std::string_view word) {
  std::string out = "\"";
  for (const char c : word) {
    switch (c) {
      case '"':
      case '\\':
        out += '\\';
        out += c;
        break;
      case '%':
      case '$':
        out += c;
        out += c;
        break;
      default:
        out += static_cast<unsigned char>(c) < ' '
                   ? fmt::format("\\x{:02x}", static_cast<unsigned char>(c))
                   : std::string(1, c);
    }
  }
  return out + '"';
}

std::string for_unit(std::string_view name, std::string_view script) {
  return fmt::format("set -- {}\n{}", name, script);
}

}  // namespace

std::string server_unit_name(std::string_view short_id) {
  return fmt::format("carrel-{}.service", short_id);
}

std::string server_unit_text(const ServerUnit& unit) {
  std::string command;
  for (const auto& word : unit.argv) command += (command.empty() ? "" : " ") + one_word(word);
  return fmt::format(text, unit.workspace, unit.user, command);
}

std::string start_unit_script(std::string_view name) {
  return for_unit(name, start);
}

std::string stop_unit_script(std::string_view name) {
  return for_unit(name, stop);
}

}  // namespace carrel
