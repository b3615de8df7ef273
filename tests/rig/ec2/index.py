"""Packages for hosts, which have no route out: a caching proxy at 169.254.169.253 for PyPI's simple index and Debian's mirror.

/simple/NAME/ and /files/HOST/... are the index (its links are turned to /files), /debian/... is the mirror. What was fetched once
is kept in the cache folder and served from there: for ever where its name says what it is (files, pool), a page of the index for ten
minutes, as PyPI's own answers allow, and anything when the net fails.
"""

import hashlib
import http.server
import os
import re
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

PLAIN = "text/html"
LINK = re.compile(rb"https://([A-Za-z0-9.-]+)/")
MOST_S = 60
FRESH_S = 600


def ask(program, *arguments):
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False, timeout=30)
    return done.stdout.strip() if done.returncode == 0 else ""


def upstreams():
    """Where this machine gets its packages: pip's index and apt's mirror."""
    simple = (
        os.environ.get("PIP_INDEX_URL")
        or ask(sys.executable, "-m", "pip", "config", "get", "global.index-url")
        or ask(sys.executable, "-c", "from pip._internal.models.index import PyPI; print(PyPI.simple_url)")
    )
    rows = ask("apt-get", "indextargets", "--format", "$(SITE) $(CODENAME) $(COMPONENT) $(CREATED_BY)").splitlines()
    debian = next((row.split()[0] for row in rows if row.split()[1:] == ["bookworm", "main", "Packages"]), "")
    found = {"/simple/": simple, "/debian/": debian}
    return {"/files/": "https://", **{prefix: base.rstrip("/") + "/" for prefix, base in found.items() if base}}


def holds(path, kept):
    """Whether what was fetched under this name is still true."""
    if not kept.exists():
        return False
    never_changes = path.startswith(("/files/", "/debian/pool/")) or "/by-hash/" in path
    return never_changes or (path.startswith("/simple/") and time.time() - kept.stat().st_mtime < FRESH_S)


def handler_for(cache):
    known = {}
    lock = threading.Lock()
    trust = ssl.create_default_context(cafile=os.environ.get("PIP_CERT") or os.environ.get("SSL_CERT_FILE"))

    def upstream(path):
        with lock:
            if not known:
                known.update(upstreams())
        for prefix, base in known.items():
            if path.startswith(prefix):
                return base + path.removeprefix(prefix)
        return None

    def fetch(address, accept):
        """(content type, body), or the HTTP status that the other side gave."""
        request = urllib.request.Request(address, headers={"Accept": accept, "User-Agent": "carrel-rig"})
        try:
            with urllib.request.urlopen(request, timeout=MOST_S, context=trust) as answer:
                return answer.headers.get_content_type(), answer.read()
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return 502

    def get(path, accept):
        address = upstream(path)
        if address is None or ".." in path:
            return 404
        kept = cache / hashlib.sha256(f"{accept if path.startswith('/simple/') else ''} {path}".encode()).hexdigest()
        if holds(path, kept):
            return load(kept)
        found = fetch(address, accept)
        if isinstance(found, int):
            return load(kept) if found >= 500 and kept.exists() else found
        kind, body = found
        if path.startswith("/simple/"):
            body = LINK.sub(rb"/files/\1/", body)
        cache.mkdir(parents=True, exist_ok=True)
        fresh = kept.with_suffix(f".{threading.get_ident()}")
        fresh.write_bytes(kind.encode() + b"\n" + body)
        fresh.replace(kept)
        return kind, body

    def load(kept):
        kind, _, body = kept.read_bytes().partition(b"\n")
        return kind.decode(), body

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):  # noqa: N802
            found = get(urllib.parse.unquote(self.path.partition("?")[0]), self.headers.get("Accept", PLAIN))
            status, (kind, body) = (found, (PLAIN, b"")) if isinstance(found, int) else (200, found)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if status == 200:
                self.send_header("Cache-Control", f"max-age={FRESH_S}")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_):
            pass

    return Handler
