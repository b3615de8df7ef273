#include "machine/user_data.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace carrel {
namespace {

using Json = nlohmann::ordered_json;

constexpr auto shortest = std::chrono::seconds(1);

// Writes the units and arms the timers. $1: the default lifetime, $2: the grace, both in seconds. A
// file is written whole or not at all: on a full disk that of the last boot stays, and systemd arms
// it without being asked. Where there is none, /run takes it.
// Before the first of them can start, what upgrades by itself is masked: it holds dpkg, it reboots,
// and new kernels and drivers under a GPU are how machines break at their next start.
constexpr std::string_view arm = R"sh(umask 022
mkdir -p /etc/carrel
[ -s /etc/carrel/lifetime ] || echo "$1" >/etc/carrel/lifetime
seconds=$1
read -r seconds </etc/carrel/lifetime || :
case $seconds in ''|*[!0-9]*) seconds=$1 ;; esac
unit() {
  text=$(cat)
  for units in /etc/systemd/system /run/systemd/system; do
    mkdir -p "$units"
    printf '%s\n' "$text" >"$units/$1.new" && mv "$units/$1.new" "$units/$1" && return
    rm -f "$units/$1.new"
    [ ! -s "$units/$1" ] || return
  done
}
timer() {
  unit "$1.timer" <<UNIT
[Unit]
Description=$2
DefaultDependencies=no
[Timer]
OnBootSec=${3}s
AccuracySec=1s
[Install]
WantedBy=timers.target
UNIT
  unit "$1.service" <<UNIT
[Unit]
Description=$2
DefaultDependencies=no
[Service]
Type=oneshot
ExecStart=$4
UNIT
}
timer carrel-lifetime "The lifetime of this machine is over" "$seconds" "/bin/systemctl --no-block poweroff"
timer carrel-lifetime-force "This machine did not power off by itself" "$((seconds + $2))" \
  "/bin/systemctl --force --force poweroff"
for unit in unattended-upgrades.service apt-daily.service apt-daily.timer \
  apt-daily-upgrade.service apt-daily-upgrade.timer; do
  ln -sfn /dev/null "/etc/systemd/system/$unit"
done
systemctl daemon-reload
systemctl enable carrel-lifetime.timer carrel-lifetime-force.timer
systemctl --no-block restart carrel-lifetime.timer carrel-lifetime-force.timer
)sh";

// In cloud-init's own words, so that whoever reads a console knows them.
constexpr std::string_view show_host_keys = R"sh(rm -f /etc/ssh/ssh_host_*
ssh-keygen -q -t ed25519 -N '' -C '' -f /etc/ssh/ssh_host_ed25519_key
{
  echo '-----BEGIN SSH HOST KEY KEYS-----'
  cat /etc/ssh/ssh_host_*_key.pub
  echo '-----END SSH HOST KEY KEYS-----'
} >/dev/console
)sh";

Json shell(std::string_view script, std::chrono::seconds lifetime, std::chrono::seconds grace) {
  return {"sh",
          "-c",
          std::string(script),
          "carrel",
          std::to_string(lifetime.count()),
          std::to_string(grace.count())};
}

}  // namespace

std::string user_data(const FirstBoot& first_boot) {
  const auto lifetime = std::max(first_boot.lifetime, shortest);
  const auto grace = std::max(first_boot.grace, shortest);
  const Json config{// made below, before anything else can ask for them
                    {"ssh_deletekeys", false},
                    {"ssh_genkeytypes", {"ed25519"}},
                    {"no_ssh_fingerprints", false},
                    {"bootcmd",
                     {shell(arm, lifetime, grace),
                      {"cloud-init-per", "instance", "carrel-host-keys", "sh", "-c",
                       std::string(show_host_keys)}}},
                    {"package_update", false},
                    {"package_upgrade", false}};
  // JSON is YAML, with quoting that leaves nothing to chance.
  return "#cloud-config\n" + config.dump(1) + "\n";
}

}  // namespace carrel
