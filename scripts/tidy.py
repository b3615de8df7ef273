"""tidy.py BUILD CACHE COUNTS: clang-tidy over the project's own files of BUILD/compile_commands.json, two at a time.

A file whose last run was clean is not looked at again while nothing that it saw has changed: the key is the digest of
its command, .clang-tidy, clang-tidy's version, the contents of every file of the project that it includes (ninja knows them from the
compiler) and size and time of every other. BUILD must be up to date. Writes "passed failed skipped" to COUNTS.
"""

import hashlib
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

tidy = "clang-tidy-19"
root = Path(__file__).resolve().parent.parent


def dependencies(build):
    """Object → the files it was compiled from, out of ninja's log."""
    found, name = {}, None
    text = subprocess.run(["ninja", "-C", build, "-t", "deps"], check=True, capture_output=True, text=True).stdout
    for line in text.splitlines():
        if line.startswith("    "):
            found[name].append(line.strip())
        elif line.strip():
            name = line.split(":")[0]
            found[name] = []
    return found


def output_of(entry):
    return entry.get("output") or re.search(r" -o (\S+)", entry["command"]).group(1)


@cache
def digest_of(path):
    try:
        if path.is_relative_to(root) and not path.is_relative_to(root / "build"):
            return hashlib.sha256(path.read_bytes()).hexdigest()
        about = path.stat()
        return f"{about.st_size}-{about.st_mtime_ns}"
    except OSError:
        return "missing"


def key_of(entry, needs, common):
    # Without the checkout's place: the cache may move with it.
    parts = [common, entry["command"].replace(str(root), "")]
    for need in sorted(set(needs)):
        path = (Path(entry["directory"]) / need).resolve()
        parts.append(f"{str(path).replace(str(root), '')} {digest_of(path)}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def look(build, file):
    run = subprocess.run([tidy, "-p", build, "--quiet", file], capture_output=True, text=True)
    return run.returncode, run.stdout + (run.stderr if run.returncode else "")


def main(build, cache_folder, counts):
    cache_folder = Path(cache_folder)
    cache_folder.mkdir(parents=True, exist_ok=True)
    version = subprocess.run([tidy, "--version"], check=True, capture_output=True, text=True).stdout
    common = version + "".join(path.read_text() for path in sorted(root.glob("**/.clang-tidy")) if "build" not in path.parts)
    needs = dependencies(build)
    entries = {e["file"]: e for e in json.loads((Path(build) / "compile_commands.json").read_text())}
    keys = {}
    for file, entry in entries.items():
        if Path(file).is_relative_to(root / "src") or Path(file).is_relative_to(root / "tests"):
            keys[file] = key_of(entry, needs.get(output_of(entry), []), common)
    todo = [file for file, key in keys.items() if not (cache_folder / key).exists()]
    print(f"{len(keys)} files, {len(todo)} of them changed since they were last clean", flush=True)
    failed = []
    with ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for file, (status, words) in zip(todo, pool.map(lambda file: look(build, file), todo)):
            if status == 0:
                (cache_folder / keys[file]).touch()
            else:
                failed.append(file)
                print(words, flush=True)
    for old in cache_folder.iterdir():
        if old.name not in keys.values():
            old.unlink()
    Path(counts).write_text(f"{len(keys) - len(failed)} {len(failed)} 0\n")
    for file in failed:
        print("failed:", os.path.relpath(file, root))
    return 1 if failed else 0


sys.exit(main(*sys.argv[1:]))
