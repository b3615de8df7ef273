#!/bin/bash
# Runs inside the bare Debian, as root (tests/package/run).
set -Eeuo pipefail
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive
umask 022

passed() {
  echo "ok: $*"
  echo "1 0 0" >>/host/count
}
failed() {
  echo "failed: $*"
  echo "0 1 0" >>/host/count
}
check() {
  local title=$1
  shift
  if "$@"; then passed "$title"; else failed "$title"; fi
}
everything() {
  find / -xdev \( -path /proc -o -path /dev -o -path /host -o -path /home/reader -o -path /var/lib/dpkg -o -path /var/lib/apt \
    -o -path /var/cache -o -path /var/log -o -path /sys -o -path /run \) -prune -o -print | sort
}

packages() { dpkg-query -W -f '${Package}\n' | sort; }

apt-get update -q
# What the package depends on first, so that the rest is the package itself.
apt-get satisfy -q -y --no-install-recommends "$(dpkg-deb -f /carrel.deb Depends)"
cp /host/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
useradd --create-home --shell /bin/bash reader
everything >/host/before
packages >/host/packages-before

apt-get install -q -y --no-install-recommends /carrel.deb
packages >/host/packages-after
check "its Depends bring all it installs" test "$(comm -13 /host/packages-before /host/packages-after)" == carrel
check "the manual is there" test -s /usr/share/man/man1/carrel.1.gz

# A login as cron would make it: no variable but these.
mapfile -t network </host/environment
as_reader() { runuser -u reader -- env -i HOME=/home/reader USER=reader PATH=/usr/bin:/bin LANG=C.UTF-8 "${network[@]}" "$@"; }
cd /home/reader
check "the version" as_reader carrel --version
as_reader cp -r /usr/share/doc/carrel/examples/hello /home/reader/hello
if as_reader carrel up --json /home/reader/hello >/host/up.json; then
  passed "carrel up ends well"
else
  failed "carrel up ends well"
  tail -n 5 /host/up.json
fi
check "its last event is 'ready' with the proof" \
  /usr/bin/python3 -c 'import json; e = [json.loads(l) for l in open("/host/up.json")][-1]; assert e["event"] == "ready" and e["proof"]["output"] == "42", e; print(e)'
check "everything of it belongs to the reader" test -z "$(find /home/reader ! -user reader -print -quit)"
check "rm ends well" as_reader carrel rm --yes hello
check "no process of the workspace is left" test -z "$(grep -ls CARREL_SERVER= /proc/[0-9]*/environ)"

apt-get purge -q -y carrel
everything >/host/after
if diff /host/before /host/after; then passed "purge leaves nothing outside the reader's home"; else failed "purge leaves nothing outside the reader's home"; fi
