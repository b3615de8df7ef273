"""Keeps the person's and the machine's Jupyter away from this server, and this server's variables
away from kernels and terminals.
"""

import os

_foreign = ("JUPYTER", "JPY_")  # JUPYTERLAB_* is among them
own_names = (
    "JUPYTER_CONFIG_DIR",
    "JUPYTER_DATA_DIR",
    "JUPYTER_RUNTIME_DIR",
    "JUPYTER_PLATFORM_DIRS",
    "JUPYTER_PREFER_ENV_PATH",
)


def enter(config):
    """Sets the server's own variables. Call it before any Jupyter import."""
    for name in [name for name in os.environ if name.startswith(_foreign)]:
        del os.environ[name]
    values = (config.config_dir, config.data_dir, config.runtime_dir, "0", "0")
    os.environ.update(zip(own_names, values))


def leave(env, keep=()):
    """Takes the server's own variables out of a copy of the environment that something below is to
    get.
    """
    for name in own_names:
        if name not in keep:
            env.pop(name, None)
    return env


def close_jupyter():
    """Before any other Jupyter import: no configuration file is read, no folder of the machine is
    searched.

    JupyterLab wants each list to have a first entry.
    """
    from jupyter_core import paths

    paths.SYSTEM_CONFIG_PATH = paths.ENV_CONFIG_PATH = [os.environ["JUPYTER_CONFIG_DIR"]]
    paths.SYSTEM_JUPYTER_PATH = paths.ENV_JUPYTER_PATH
    from jupyter_core.application import JupyterApp

    JupyterApp.load_config_file = lambda self, *args, **kwargs: None
    JupyterApp.migrate_config = lambda self: None
