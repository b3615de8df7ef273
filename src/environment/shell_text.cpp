#include "environment/shell_text.hpp"

#include <string_view>

namespace carrel::shell_text {

const std::string_view prelude = R"sh(set -u
umask 077
say() { printf '%s\n' "$1"; }
clean_path=
IFS=:; set -f
for part in $PATH; do
  for active in "${VIRTUAL_ENV:-}" "${CONDA_PREFIX:-}" "${CONDA_ROOT:-}"; do
    if [ -n "$active" ]; then case $part/ in "$active"/*) continue 2 ;; esac; fi
  done
  clean_path=${clean_path:+$clean_path:}$part
done
unset IFS; set +f
for name in $(env | sed -n 's/^\([A-Z][A-Z0-9_]*\)=.*/\1/p'); do
  case $name in
    UV_INDEX*|UV_DEFAULT_INDEX|UV_EXTRA_INDEX_URL|UV_FIND_LINKS|UV_KEYRING_PROVIDER|UV_INSECURE_HOST) ;;
    UV_NATIVE_TLS|UV_SYSTEM_CERTS|UV_HTTP_*|UV_OFFLINE|UV_CONFIG_FILE|UV_CONCURRENT_*|CONDA_EXE|CONDA_PKGS_DIRS) ;;
    UV_*|CONDA_*|PYTHON*|VIRTUAL_ENV*|__PYVENV*) unset "$name" ;;
    PIP_TARGET|PIP_USER|PIP_PREFIX|PIP_ROOT|PIP_PYTHON|PIP_REQUIRE_VIRTUALENV|PIP_CONSTRAINT) unset "$name" ;;
    PIP_NO_BINARY|PIP_ONLY_BINARY|PIP_DRY_RUN|PIP_NO_DEPS|PIP_REQUIRE_HASHES|PIP_QUIET|PIP_VERBOSE) unset "$name" ;;
  esac
done
PATH=$clean_path
export PATH UV_PYTHON_DOWNLOADS=never UV_NO_PROGRESS=1 NO_COLOR=1
# folders alone: files may be hard links to what others use
discard() {
  if [ -d "$1" ] && [ ! -L "$1" ]; then find "$1" -type d ! -perm -u+rwx -exec chmod u+rwx {} +; fi
  rm -rf "$1"
}
lock() {
  state=$1.now
  exec 9>>"$1" || exit
  if ! flock -n 9; then
    say "another carrel is making this; waiting"
    while ! flock -w 1 9; do
      read -r now 2>/dev/null <"$state" && say "another carrel is making this: $now"
    done
  fi
  : >"$state"
}
step() { say "$1"; printf '%s\n' "$1" >"$state"; }
aside() {
  work=$1
  trap 'discard "$work"' EXIT
  trap 'exit 143' HUP INT TERM
  mkdir -p "$work" || exit
}
list_packages() { ls -1 "$1"/lib/python*/site-packages 2>/dev/null | grep '\.dist-info$'; }
)sh";

const std::string_view uv = R"sh(mkdir -p "$DATA" || exit
lock "$DATA/.uv.lock"
if [ -x "$DATA/uv-$VERSION/bin/uv" ]; then exit 0; fi
for old in "$DATA"/.uv-new.*; do discard "$old"; done
found=90
for python in /usr/bin/python3 python3; do
  "$python" -I -c 'import sys; sys.exit(sys.version_info < (3, 8))' 2>/dev/null || continue
  found=91
  # the wheel from which Python itself would install pip, which takes it seconds; run as it lies
  pip=$("$python" -I -c 'import ensurepip, glob, os, sysconfig
own = os.path.join(os.path.dirname(ensurepip.__file__), "_bundled")
folders = [sysconfig.get_config_var("WHEEL_PKG_DIR") or own, own]
print(next(wheel for folder in folders for wheel in glob.glob(os.path.join(glob.escape(folder), "pip-*.whl"))))' \
    2>/dev/null) || continue
  found=0
  break
done
[ "$found" = 0 ] || exit "$found"
aside "$DATA/.uv-new.$$"
step "installing uv $VERSION"
"$python" -I "$pip/pip" download --disable-pip-version-check --no-input --require-hashes \
  --only-binary :all: --no-deps --no-cache-dir --dest "$work" -r "$SOURCE" </dev/null || exit
mkdir -p "$work/uv/bin" || exit
"$python" -I -c 'import os, sys, zipfile
wheel, to = sys.argv[1:]
with zipfile.ZipFile(wheel) as files:
    for name in files.namelist():
        if name.endswith((".data/scripts/uv", ".data/scripts/uvx")):
            with open(os.path.join(to, os.path.basename(name)), "xb") as program:
                program.write(files.read(name))' "$work"/uv-*.whl "$work/uv/bin" || exit
chmod 755 "$work/uv/bin/uv" "$work/uv/bin/uvx" || exit
"$work/uv/bin/uv" --version || exit
discard "$DATA/uv-$VERSION"
mv "$work/uv" "$DATA/uv-$VERSION"
)sh";

const std::string_view find_python =
    R"sh(find_python() { "$UV" python find --system --no-project "$@" "$REQUEST" </dev/null; }
python=$(PATH="/usr/bin:$PATH"; find_python --python-preference only-system 2>/dev/null) ||
  python=$(find_python --python-preference only-managed 2>/dev/null) ||
  python=$(find_python --python-preference only-system) || exit 90
cd / && exec "$python" -I -B -c "$PROBE"
)sh";

const std::string_view probe = R"sh(cd "$FOLDER" || exit
if [ -d "$NAME" ]; then
  python=
  for candidate in "$NAME/bin/python" "$NAME/bin/python3"; do
    if [ -x "$candidate" ]; then python=$candidate; break; fi
  done
  if [ -z "$python" ] && [ -L "$NAME/bin/python" ]; then
    say "@dangling $(readlink "$NAME/bin/python")"; exit 90
  fi
  if [ -z "$python" ]; then say "@missing $NAME/bin/python"; exit 90; fi
elif [ -f "$NAME" ]; then
  python=$NAME
  if [ ! -x "$python" ]; then say "@missing $NAME"; exit 90; fi
elif case $NAME in */*) false ;; esac && python=$(command -v "$NAME"); then :
else say "@missing $NAME"; exit 90
fi
case $python in /*) ;; *) python=$PWD/$python ;; esac
cd / && exec "$python" -B -c "$PROBE" packages </dev/null
)sh";

const std::string_view make_template = R"sh(mkdir -p "$TEMPLATES" "$UV_CACHE_DIR" || exit
lock "$TEMPLATES/$KEY.lock"
if [ -f "$TEMPLATES/$KEY/packages" ]; then discard "$SOURCE"; exit 0; fi
for old in "$TEMPLATES/.$KEY".*; do discard "$old"; done
aside "$TEMPLATES/.$KEY.$$"
step "making a Python environment"
"$UV" venv --quiet --relocatable --no-project --python "$PYTHON" "$work/env" </dev/null || exit
mkdir -p "$SOURCE" && cd "$SOURCE" || exit
step "resolving"
install() { "$UV" pip install --python "$work/env/bin/python" --compile-bytecode "$@" </dev/null; }
case $RECIPE in
  files)
    if [ -n "$FILE" ]; then install -r "$FILE" ipykernel pip; else install ipykernel pip; fi || exit ;;
  lock)
    cd "$(dirname "$FILE")" || exit
    UV_PROJECT_ENVIRONMENT=$work/env "$UV" sync --frozen --inexact --no-install-project --no-install-workspace \
      --no-install-local --compile-bytecode --python "$work/env/bin/python" </dev/null || exit
    UV_PROJECT_ENVIRONMENT=$work/env "$UV" export --quiet --frozen --no-hashes --no-header --no-annotate \
      --no-emit-project --no-emit-workspace --no-emit-local --output-file "$work/locked.txt" </dev/null >/dev/null || exit
    step "adding ipykernel and pip"
    install ipykernel pip -c "$work/locked.txt" || exit ;;
esac
step "finishing"
find "$work/env" ! -type l -exec chmod a-w {} + || exit
printf '%s\n' "$TITLE" >"$work/title" || exit
list_packages "$work/env" >"$work/packages.new" && mv "$work/packages.new" "$work/packages" || exit
discard "$TEMPLATES/$KEY"
mv "$work" "$TEMPLATES/$KEY" || exit
discard "$SOURCE"
)sh";

const std::string_view copy = R"sh(mkdir -p "$HOME_FOLDER" || exit
exec 8>>"$TEMPLATES/$KEY.lock" || exit
flock -s 8
[ -f "$TEMPLATES/$KEY/packages" ] || exit 75
lock "$HOME_FOLDER/.lock"
for old in "$HOME_FOLDER"/.new.*; do discard "$old"; done
if [ ! -d "$HOME_FOLDER/$NAME" ]; then
  aside "$HOME_FOLDER/.new.$$"
  step "copying the environment"
  template=$TEMPLATES/$KEY/env
  if cp --reflink=always "$template/pyvenv.cfg" "$work/try" 2>/dev/null; then
    cp -a --reflink=always "$template" "$work/env" && chmod -R u+w "$work/env" || exit
  elif rm -f "$work/try" && ln "$template/pyvenv.cfg" "$work/try" 2>/dev/null; then
    rm -f "$work/try" && cp -al "$template" "$work/env" || exit
    find "$work/env" -type d -exec chmod u+w {} + || exit
    # what people edit in place must not be shared
    for file in "$work/env/pyvenv.cfg" "$work"/env/bin/*; do
      if [ -f "$file" ] && [ ! -L "$file" ]; then
        cp -p "$file" "$work/try" && chmod u+w "$work/try" && mv -f "$work/try" "$file" || exit
      fi
    done
  else
    cp -a "$template" "$work/env" && chmod -R u+w "$work/env" || exit
  fi
  if [ "$LOCAL" != none ]; then
    step "installing from $FOLDER"
    cd "$FOLDER/$(dirname "$FILE")" || exit
    install() { "$UV" pip install --python "$work/env/bin/python" --compile-bytecode --link-mode copy "$@" </dev/null; }
    case $LOCAL in
      requirements) cd "$FOLDER" && install -r "$FILE" ;;
      package) install -e . ;;
      dependencies) install -r pyproject.toml ;;
      lock) UV_PROJECT_ENVIRONMENT=$work/env "$UV" sync --frozen --inexact --compile-bytecode --link-mode copy \
        --python "$work/env/bin/python" </dev/null ;;
    esac || exit
  fi
  mv "$work/env" "$HOME_FOLDER/$NAME" || exit
fi
list_packages "$HOME_FOLDER/$NAME" | sed 's/^/@package /'
)sh";

const std::string_view conda =
    R"sh(for tool in micromamba mamba conda ${CONDA_EXE:+"$CONDA_EXE"}; do
  if command -v "$tool" >/dev/null 2>&1; then break; fi
  tool=
done
[ -n "$tool" ] || exit 92
mkdir -p "$HOME_FOLDER" || exit
lock "$HOME_FOLDER/.lock"
if [ ! -f "$HOME_FOLDER/$NAME/.carrel-whole" ]; then
  # conda writes the prefix into its files: made in its place, whole when marked
  discard "$HOME_FOLDER/$NAME"
  step "making the environment with $(basename "$tool")"
  case $(basename "$tool") in
    micromamba) "$tool" create -y -p "$HOME_FOLDER/$NAME" -f "$FILE" </dev/null ;;
    *) "$tool" env create -y -p "$HOME_FOLDER/$NAME" -f "$FILE" </dev/null ;;
  esac || exit
  "$tool" install -y -p "$HOME_FOLDER/$NAME" ipykernel pip </dev/null || exit
  : >"$HOME_FOLDER/$NAME/.carrel-whole"
fi
list_packages "$HOME_FOLDER/$NAME" | sed 's/^/@package /'
)sh";

const std::string_view jupyter = R"sh(mkdir -p "$JUPYTER" "$UV_CACHE_DIR" || exit
lock "$JUPYTER/$KEY.lock"
if [ -f "$JUPYTER/$KEY/python.json" ] && "$JUPYTER/$KEY/bin/python" -I -c '' 2>/dev/null; then
  discard "$SOURCE"
  exit 0
fi
for old in "$JUPYTER/.$KEY".*; do discard "$old"; done
aside "$JUPYTER/.$KEY.$$"
step "making Jupyter's own environment"
"$UV" venv --quiet --relocatable --no-project --python "$PYTHON" "$work/env" </dev/null || exit
cd "$SOURCE" || exit
"$UV" pip install --python "$work/env/bin/python" --compile-bytecode --link-mode copy --require-hashes \
  -r requirements.txt </dev/null || exit
step "finishing"
site=$("$work/env/bin/python" -I -c 'import sysconfig; print(sysconfig.get_path("purelib"))') || exit
cp -R carrel_server "$site/" || exit
for lab in "$site"/jupyterlab-*.dist-info; do lab=${lab##*/jupyterlab-}; printf 'JupyterLab %s\n' "${lab%.dist-info}" >"$work/env/title" || exit; done
"$work/env/bin/python" -I -m compileall -q "$site/carrel_server" || exit
"$work/env/bin/python" -I -B -c "$PROBE" >"$work/python.json" && mv "$work/python.json" "$work/env/" || exit
discard "$JUPYTER/$KEY"
mv "$work/env" "$JUPYTER/$KEY" || exit
discard "$SOURCE"
)sh";

const std::string_view overlay = R"sh(mkdir -p "$OVERLAYS" "$UV_CACHE_DIR" || exit
lock "$OVERLAYS/$KEY.lock"
if [ -f "$OVERLAYS/$KEY/carrel_kernel.py" ]; then discard "$SOURCE"; exit 0; fi
for old in "$OVERLAYS/.$KEY".*; do discard "$old"; done
aside "$OVERLAYS/.$KEY.$$"
cd "$SOURCE" || exit
# uv asks the interpreter, which must not write into the environment for that
export PYTHONDONTWRITEBYTECODE=1
step "finding an ipykernel that fits $PYTHON"
printf 'ipykernel>=6\n' | "$UV" pip compile --quiet --no-config --no-header --no-annotate --python "$PYTHON" \
  -c constraints.txt --output-file "$work/resolved.txt" - >/dev/null || exit
awk -F'==' 'NR == FNR { have[$1]; next } !($1 in have)' installed.txt "$work/resolved.txt" >"$work/missing.txt" || exit
step "installing ipykernel beside $PYTHON"
"$UV" pip install --quiet --no-config --no-deps --link-mode copy --compile-bytecode --python "$PYTHON" \
  --target "$work/site" -r "$work/missing.txt" </dev/null || exit
printf 'a kernel for %s\n' "$PYTHON" >"$work/title" || exit
cp carrel_kernel.py "$work/" || exit
discard "$OVERLAYS/$KEY"
mv "$work" "$OVERLAYS/$KEY" || exit
discard "$SOURCE"
)sh";

const std::string_view packages = R"sh(list_packages "$PREFIX" | sed 's/^/@package /'
)sh";

const std::string_view cache = R"sh(in_use() {
  for line in /proc/[0-9]*/cmdline; do
    if tr '\0' '\n' 2>/dev/null <"$line" | grep -qF -e "$1/"; then say 1; return; fi
  done
  say 0
}
set --
for path in "$CACHE"/templates/* "$CACHE"/templates/.[!.]* "$DATA"/overlays/* "$DATA"/overlays/.[!.]* \
  "$DATA"/jupyter/* "$DATA"/jupyter/.[!.]* "$DATA"/uv-[0-9]* "$DATA"/.uv-new.* "$CACHE/uv"; do
  if [ -d "$path" ] && [ ! -L "$path" ]; then set -- "$@" "$path"; fi
done
[ $# -gt 0 ] || exit 0
# one du for all: a file that several share counts once, for the first
du -s -B1 -- "$@" 2>/dev/null | while read -r bytes path; do
  what=$(basename "$(dirname "$path")")
  case $(basename "$path") in .*|*.src) what=left_over ;; esac
  case $path in "$CACHE/uv") what=uv_cache ;; "$DATA"/uv-[0-9]*) what=uv ;; esac
  used=0
  case $what in jupyter|uv) used=$(in_use "$path") ;; esac
  title=
  read -r title 2>/dev/null <"$path/title"
  printf '@entry\t%s\t%s\t%s\t%s\t%s\n' "$what" "$bytes" "$used" "$path" "$title"
done
cat "$DATA"/environments/*/overlay 2>/dev/null | sed 's/^/@overlay /'
)sh";

const std::string_view prune = R"sh(name=$(basename "$TARGET")
folder=$(dirname "$TARGET")
lock=
case $name in
  # uv holds its cache's own lock while it works
  uv) key=uv-cache; lock=$TARGET/.lock; folder=$folder/templates; mkdir -p "$folder" || exit ;;
  .uv-new.*|uv-*) key=.uv ;;
  .*.*) key=${name#.}; key=${key%%.*} ;;
  *) key=${name%.src} ;;
esac
exec 9>>"${lock:-$folder/$key.lock}" || exit
flock -n 9 || exit 0
gone=$folder/.${key#.}.gone.$$
mv "$TARGET" "$gone" 2>/dev/null || exit 0
discard "$gone"
rm -f "$folder/$key.lock.now"
)sh";

const std::string_view interpreter_probe = R"py(import json, os, sys
try:
    import sysconfig
    stdlib, platform = sysconfig.get_path("stdlib"), sysconfig.get_platform()
except Exception:
    stdlib, platform = "", ""
found = {
    "executable": sys.executable, "real": os.path.realpath(sys.executable),
    "version": "%d.%d.%d" % tuple(sys.version_info[:3]), "prefix": sys.prefix,
    "base_prefix": getattr(sys, "base_prefix", sys.prefix), "stdlib": stdlib, "platform": platform,
    "nvidia": os.path.exists("/proc/driver/nvidia/version") or os.path.exists("/dev/nvidiactl"),
}
if sys.argv[1:] == ["packages"]:
    packages = {}
    for folder in sys.path[1:]:
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for name in names:
            stem, kind = os.path.splitext(name)
            parts = stem.split("-")
            if kind in (".dist-info", ".egg-info") and len(parts) > 1:
                packages.setdefault(parts[0], parts[1])
    found["packages"] = packages
    try:
        import importlib.util
        found["ipykernel"] = importlib.util.find_spec("ipykernel_launcher") is not None
    except Exception:
        found["ipykernel"] = False
print("@python " + json.dumps(found))
)py";

}  // namespace carrel::shell_text
