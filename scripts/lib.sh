# Shared by ./run, ./test and the scripts beside this file. Bash; sourced with the repository as the working directory.
# shellcheck shell=bash

say() { printf '%s\n' "carrel: $*"; }
die() {
  trap - ERR
  printf '%s\n' "carrel: $*" >&2
  exit 1
}

# Whatever fails without a word of its own is named.
stopped() {
  local status=$? command=$BASH_COMMAND
  trap - ERR
  printf '%s\n' "carrel: stopped: '$command' ended with status $status (${BASH_SOURCE[1]##*/}, line ${BASH_LINENO[0]})" >&2
  exit "$status"
}
trap stopped ERR

as_root() {
  if [[ $EUID == 0 ]]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "this needs root: run it as root, or install sudo ('$*')"
  fi
}

can_be_root() { [[ $EUID == 0 ]] || sudo -n true 2>/dev/null; }

# The names in package lists (name, then the reason; # begins a comment).
package_names() { sed -e 's/#.*//' -e '/^[[:space:]]*$/d' "$@" | cut -d' ' -f1; }

# Installs what the lists name and this machine lacks; says what before it does. Nothing missing: no apt at all.
install_packages() {
  local wanted missing
  command -v apt-get >/dev/null || die "this script installs Debian packages and finds no apt-get; see docs/dependencies.md for what is needed"
  mapfile -t wanted < <(package_names "$@")
  mapfile -t missing < <(comm -23 <(printf '%s\n' "${wanted[@]}" | sort -u) \
    <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null | sed -n 's/^installed //p' | sort -u))
  ((${#missing[@]})) || return 0
  say "installing Debian packages: ${missing[*]}"
  as_root apt-get update -q </dev/null || die "apt-get update failed; its words are above"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}" </dev/null ||
    die "apt-get could not install these packages; its words are above"
}

# configure FOLDER OPTION...: only when the folder is new or was configured with other options.
configure() {
  local folder=$1 options
  shift
  options="$*"
  if [[ -f $folder/build.ninja && -f $folder/options && $(<"$folder/options") == "$options" ]]; then return 0; fi
  say "configuring $folder"
  mkdir -p "$folder"
  cmake -S . -B "$folder" -G Ninja "$@" >"$folder/configure.log" 2>&1 ||
    { tail -n 30 "$folder/configure.log"; die "CMake could not configure $folder; its words are above, all of them in $folder/configure.log"; }
  printf '%s' "$options" >"$folder/options"
}

# build FOLDER [TARGET...]: on all cores; silent when there is nothing to do.
build() {
  local folder=$1
  shift
  export CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
  # Debian's ninja says this in spite of --quiet.
  ninja --quiet -C "$folder" "$@" | { grep -vx 'ninja: no work to do.' || true; } || die "the build in $folder failed; the compiler's words are above"
}

# The release that ./run builds; `release_with_tests` adds the tests to the same folder, for good. ccache is used if it was
# there when the folder was made: a later change of mind would compile everything again.
configure_release() {
  local folder=build/release options=(-DCMAKE_BUILD_TYPE=Release)
  mkdir -p "$folder"
  if [[ ! -f $folder/launcher ]]; then
    { type -P ccache || true; } >"$folder/launcher"
  fi
  if [[ -s $folder/launcher ]]; then options+=("-DCMAKE_CXX_COMPILER_LAUNCHER=$(<"$folder/launcher")"); fi
  if [[ -f $folder/with-tests ]]; then options+=(-DCARREL_TESTS=ON); fi
  configure "$folder" "${options[@]}"
}

configure_release_with_tests() {
  mkdir -p build/release
  touch build/release/with-tests
  configure_release
}

# venv FOLDER REQUIREMENTS...: a virtual environment of Debian's Python with exactly these; made again when they change.
venv() {
  local folder=$1 digest arguments=()
  shift
  digest=$(cat "$@" | sha256sum)
  if [[ -f $folder/made-from && $(<"$folder/made-from") == "$digest" ]]; then return 0; fi
  say "installing Python packages from $* into $folder"
  rm -rf "$folder"
  /usr/bin/python3 -m venv "$folder"
  for list in "$@"; do arguments+=(-r "$list"); done
  "$folder/bin/python" -m pip install -q --disable-pip-version-check "${arguments[@]}" ||
    die "pip could not install them; its words are above"
  printf '%s' "$digest" >"$folder/made-from"
}
