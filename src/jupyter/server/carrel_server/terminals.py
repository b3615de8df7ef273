"""Terminals with the person's environment instead of the server's."""

from jupyter_server_terminals.terminalmanager import TerminalManager
from traitlets import Dict

from . import isolation


class Terminals(TerminalManager):
    """Stock, but for the environment."""

    terminal_env = Dict(help="Variables for terminals; None removes one.").tag(config=True)

    def make_term_env(self, *args, **kwargs):
        env = isolation.leave(super().make_term_env(*args, **kwargs))
        for name, value in self.terminal_env.items():
            if value is None:
                env.pop(name, None)
            else:
                env[name] = value
        return env
