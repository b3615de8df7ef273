"""`python -I -m carrel_server start|serve CONFIG.json`."""

import sys

from . import daemon


def main(argv):
    if len(argv) != 3 or argv[1] not in ("start", "serve"):
        sys.stderr.write("usage: python -I -m carrel_server start|serve CONFIG.json\n")
        return 2
    return daemon.start(argv[2]) if argv[1] == "start" else daemon.serve(argv[2])


if __name__ == "__main__":
    sys.exit(main(sys.argv))
