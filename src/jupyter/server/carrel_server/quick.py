"""Imports JupyterLab's server in half of its usual time.

Hidden for the length of the imports, and only then: optional checks of JSON schema formats (one of
them builds a grammar, 1 s) and `node`, which JupyterLab asks about yarn (0.3 s). The garbage
collector is off, because it finds nothing to collect there.
"""

import gc
import os
import sys

_optional = (
    "rfc3987",
    "rfc3987_syntax",
    "isoduration",
    "rfc3986_validator",
    "webcolors",
    "fqdn",
    "uri_template",
)


class _Hidden:
    def __enter__(self):
        self.modules = [name for name in _optional if name not in sys.modules]
        for name in self.modules:
            sys.modules[name] = None
        self.path = os.environ.get("PATH")
        os.environ["PATH"] = "/nonexistent"
        gc.disable()

    def __exit__(self, *failure):
        for name in self.modules:
            del sys.modules[name]
        if self.path is None:
            del os.environ["PATH"]
        else:
            os.environ["PATH"] = self.path
        gc.freeze()
        gc.enable()


def load():
    """The module that holds our ServerApp, with everything that it needs imported."""
    with _Hidden():
        from . import isolation

        isolation.close_jupyter()
        import jupyterlab.labapp  # noqa: F401

        from . import app
    return app
