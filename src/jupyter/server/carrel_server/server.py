"""The server's process: the first kernel, then Jupyter."""

import os

from . import early, isolation


def run(config, unix_door, tcp_doors, port):
    """Returns the exit status when the server has stopped."""
    os.chdir(config.root_dir)  # what a person's shell would have done before `jupyter lab`
    isolation.enter(config)
    kernel = early.start(config)
    from . import quick

    app = quick.load()
    server = app.CarrelServer(config=app.settings.jupyter_config(config, port))
    server.open_doors(config, unix_door, tcp_doors, kernel)
    server.initialize(argv=[], find_extensions=False)
    server.start()
    return 0
