# The lanes of ./test: lane_NAME FOLDER runs one; its reports (JUnit *.xml, or *.count with "passed failed skipped") go to FOLDER.
# shellcheck shell=bash

# shellcheck disable=SC2034  # ./test reads it
default_lanes=(build format unit server aws cli cli-release browser rig fuzz tidy package)

list_lanes() {
  cat <<'LIST'
build        the release (g++) and the sanitized build (clang, AddressSanitizer and UBSan), without a warning
format       clang-format, shellcheck, flake8
unit         unit tests, in both builds
server       the Jupyter server of a workspace, beside stock Jupyter
aws          AWS's calls against moto's server, looked at with boto3
cli          black-box tests of the installed program with real Jupyter (sanitized)
browser      JupyterLab in Chromium
rig          EC2 on loopback whose instances are real hosts: what carrel does there, from `up` to `rm`
cli-release  kill -9 at every journal write, and the first path again (release)
fuzz         each fuzzer for ten seconds
tidy         clang-tidy
package      the .deb on a bare Debian
by name only:
rig-long     the rest of rig, ten minutes more: --public, late consoles, forwarded ports, faults on real hosts
soak         the kill and race tests again and again for an hour (CARREL_SOAK_S: other seconds)
bench        the figures of bench/
LIST
}

sanitizer_environment() {
  export ASAN_OPTIONS=exitcode=99:detect_stack_use_after_return=1 UBSAN_OPTIONS=exitcode=99:print_stacktrace=1
  export ASAN_SYMBOLIZER_PATH=/usr/bin/llvm-symbolizer-19
}

counted() { printf '%s\n' "$2 $3 ${4:-0}" >>"$1"; }

# check FOLDER TITLE COMMAND...: one check, counted.
check() {
  local folder=$1 title=$2
  shift 2
  printf '== %s\n' "$title"
  if "$@"; then
    counted "$folder/checks.count" 1 0
  else
    printf 'failed: %s\n' "$title"
    counted "$folder/checks.count" 0 1
  fi
}

build_sanitized() {
  configure build/sanitized -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_COMPILER=clang++-19 -DCMAKE_C_COMPILER=clang-19 \
    "-DCMAKE_CXX_FLAGS=-O1 -g1 -fsanitize=fuzzer-no-link" -DCARREL_SANITIZE=ON -DCARREL_TESTS=ON -DCARREL_FUZZ=ON \
    -DCMAKE_CXX_COMPILER_LAUNCHER=ccache
  build build/sanitized
}

build_release() {
  configure_release_with_tests
  build build/release
}

# Sets `carrel` to the program as it is installed, in a folder of its own.
install_program() {
  local folder=$1
  rm -rf "$folder/root"
  cmake --install "$folder" --prefix "$PWD/$folder/root" >"$folder/install.log" || { cat "$folder/install.log"; return 1; }
  carrel=$PWD/$folder/root/bin/carrel
}

lane_build() {
  check "$1" "release, g++" build_release
  check "$1" "sanitized, clang" build_sanitized
}

cpp_files() { git ls-files --cached --others --exclude-standard '*.cpp' '*.hpp' | while read -r file; do [[ ! -e $file ]] || printf '%s\n' "$file"; done; }
shell_files() { printf '%s\n' run test .ci/run scripts/*.sh; git grep -lI --untracked -e '^#!/bin/bash' -e '^#!/bin/sh' -- scripts bench packaging tests || true; }

lane_format() {
  mapfile -t cpp < <(cpp_files)
  mapfile -t shell < <(shell_files | sort -u)
  mapfile -t python < <(git ls-files --cached --others --exclude-standard '*.py')
  check "$1" "clang-format" clang-format-19 --dry-run -Werror "${cpp[@]}"
  check "$1" "shellcheck" shellcheck -x "${shell[@]}"
  check "$1" "flake8, what pyflakes finds" flake8 --select E9,F "${python[@]}"
}

lane_tidy() {
  build_sanitized
  /usr/bin/python3 scripts/tidy.py build/sanitized build/tidy-cache "$1/files.count"
}

# unit_program FOLDER PROGRAM
unit_program() {
  local folder=$1 program=$2 name
  name=$(basename "${program%/tests/*}")-${program##*/}
  printf '== %s\n' "$name"
  if ! timeout 300 "$program" --gtest_brief=1 --gtest_output="xml:$folder/$name.xml"; then
    printf 'failed: %s\n' "$program"
    # A program that died has written no report.
    [[ -s $folder/$name.xml ]] || counted "$folder/$name.count" 0 1
  fi
}

lane_unit() {
  local program
  build_sanitized
  build_release
  sanitizer_environment
  # Several at once: they wait more than they work.
  for program in build/{sanitized,release}/tests/unit_*; do
    [[ -f $program && -x $program ]] || continue
    (($(jobs -rp | wc -l) < 4)) || wait -n
    unit_program "$1" "$program" >"$1/${program//\//-}.log" 2>&1 &
  done
  wait
  cat "$1"/*.log
}

pytest() {
  local interpreter=$1
  shift
  env -u PYTHONDONTWRITEBYTECODE "$interpreter" -m pytest -p no:cacheprovider -q -ra --tb=short --durations=8 "$@"
}

lane_server() {
  venv build/venv-server src/jupyter/server/requirements.txt tests/server/requirements.txt
  pytest build/venv-server/bin/python --junit-xml="$1/server.xml" tests/server
}

lane_cli() {
  build_sanitized
  install_program build/sanitized
  venv build/venv tests/requirements.txt
  sanitizer_environment
  CARREL_PROGRAM=$carrel pytest build/venv/bin/python --junit-xml="$1/cli.xml" -n 2 --dist worksteal -m 'not release' tests/cli
}

lane_cli_release() {
  build_release
  install_program build/release
  venv build/venv tests/requirements.txt
  CARREL_PROGRAM=$carrel pytest build/venv/bin/python --junit-xml="$1/cli.xml" -n 2 --dist worksteal -m 'release or both' tests/cli
}

lane_browser() {
  build_release
  install_program build/release
  venv build/venv tests/requirements.txt
  CARREL_PROGRAM=$carrel pytest build/venv/bin/python --junit-xml="$1/browser.xml" tests/browser
}

# rig_tests FOLDER WHICH
rig_tests() {
  build_sanitized
  sanitizer_environment
  venv build/venv-rig tests/rig/requirements-tests.txt
  # Apart from the tests, whose time is bounded; where it cannot be, they say why.
  if can_be_root; then as_root tests/rig/ec2/build-image; fi
  install_program build/sanitized
  CARREL_PROGRAM=$carrel CARREL_EC2_ON_RIG=$PWD/build/sanitized/tests/ec2_on_rig pytest build/venv-rig/bin/python --junit-xml="$1/rig.xml" -n 3 --dist worksteal -m "$2" tests/rig
}

lane_rig() { rig_tests "$1" "not long"; }
lane_rig_long() { rig_tests "$1" long; }

lane_aws() {
  build_sanitized
  venv build/venv-aws tests/aws/requirements.txt
  sanitizer_environment
  CARREL_AWS_MOTO=$PWD/build/sanitized/tests/aws_moto pytest build/venv-aws/bin/python --junit-xml="$1/aws.xml" tests/aws
}

lane_fuzz() {
  local fuzzer name corpus
  build_sanitized
  sanitizer_environment
  for fuzzer in build/sanitized/tests/*_fuzz; do
    [[ -x $fuzzer ]] || continue
    name=${fuzzer##*/}
    corpus=build/fuzz-corpus/$name
    mkdir -p "$corpus" "$1/$name"
    seeds=()
    [[ ! -d tests/fuzz/corpus/$name ]] || seeds=("tests/fuzz/corpus/$name")
    check "$1" "$name" "$fuzzer" -max_total_time="${CARREL_FUZZ_S:-10}" -timeout=5 -rss_limit_mb=2048 -print_final_stats=1 \
      -verbosity=0 -artifact_prefix="$1/$name/" "$corpus" "${seeds[@]}"
  done
}

lane_package() {
  build_release
  tests/package/run "$1"
}

lane_soak() {
  build_release
  install_program build/release
  venv build/venv tests/requirements.txt
  local until=$((SECONDS + ${CARREL_SOAK_S:-3600})) round=0
  while ((SECONDS < until)); do
    round=$((round + 1))
    CARREL_PROGRAM=$carrel pytest build/venv/bin/python --junit-xml="$1/round-$round.xml" -x -m 'release or soak' tests/cli
  done
}

lane_bench() {
  build_release
  install_program build/release
  CARREL_PROGRAM=$carrel bench/run
  counted "$1/bench.count" 1 0
}
