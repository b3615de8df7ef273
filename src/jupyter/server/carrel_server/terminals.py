"""Terminals with the person's environment instead of the server's."""

from string import Template

from jupyter_server_terminals.terminalmanager import TerminalManager
from traitlets import Dict

from . import isolation


class Terminals(TerminalManager):
    """Stock, but for the environment."""

    terminal_env = Dict(help="Variables for terminals, templates as in a kernelspec; None removes one.").tag(config=True)

    def make_term_env(self, *args, **kwargs):
        env = isolation.leave(super().make_term_env(*args, **kwargs))
        changed = {}
        for name, value in self.terminal_env.items():
            if value is None:
                env.pop(name, None)
            else:
                changed[name] = Template(value).safe_substitute(env)
        return env | changed
