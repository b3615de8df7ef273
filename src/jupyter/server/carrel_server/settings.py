"""Our configuration as Jupyter's: every option that matters for security is set, whatever its
default.
"""

import ipaddress
import os
import shutil

from traitlets.config import Config

from . import log

lean = {
    "jupyterlab": True,
    "jupyter_server_terminals": True,
    "jupyter_lsp": False,
    "notebook_shim": False,
}
full = {name: True for name in lean}


def is_loopback(ip):
    if ip == "localhost":
        return True
    try:
        return ipaddress.ip_address(ip).is_loopback
    except ValueError:
        return False


def landing(config):
    """The page that opens first."""
    from urllib.parse import quote

    return "/lab" if config.notebook is None else "/lab/tree/" + quote(config.notebook)


def shell():
    """The person's. Not as a login shell, which stock makes of it: /etc/profile sets PATH anew."""
    candidates = (os.environ.get("SHELL"), "/bin/bash", "/bin/sh")
    return next((path for path in candidates if path and shutil.which(path)), "/bin/sh")


def jupyter_config(config, port):
    c = Config()
    c.ServerApp.update(
        ip={"*": "", "none": "127.0.0.1"}.get(config.ip, config.ip),
        port=port,
        port_retries=0,
        sock="",
        base_url="/",
        default_url=landing(config),
        root_dir=config.root_dir,
        certfile=config.certfile or "",
        keyfile=config.keyfile or "",
        client_ca="",
        trust_xheaders=False,
        allow_root=True,
        allow_unauthenticated_access=False,
        allow_remote_access=not is_loopback(config.ip),
        local_hostnames=["localhost"],
        allow_origin="",  # a request with the token is still told its own origin, as in stock
        allow_origin_pat="",
        allow_credentials=False,
        disable_check_xsrf=False,
        authenticate_prometheus=True,
        allow_external_kernels=False,
        open_browser=False,
        terminals_enabled=True,
        terminado_settings={"shell_command": [shell()]},
        contents_manager_class="carrel_server.contents.Contents",
        cookie_secret_file=os.path.join(config.data_dir, "cookie_secret"),
        jpserver_extensions=dict(full if config.extensions == "full" else lean),
        kernel_manager_class="carrel_server.kernels.Kernels",
        kernel_spec_manager_class="carrel_server.kernels.Specs",
    )
    c.Application.update(
        log_format=log.line, log_datefmt=log.time_format, log_level="INFO", logging_config=log.quiet
    )
    c.ExtensionApp.log_level = "WARN"
    c.IdentityProvider.token = config.token
    c.PasswordIdentityProvider.update(
        token=config.token,
        hashed_password=config.hashed_password or "",
        password_required=False,
        allow_password_change=False,
    )
    c.Specs.folder = os.path.join(config.data_dir, "kernels")
    c.KernelSpecManager.ensure_native_kernel = False
    c.MultiKernelManager.default_kernel_name = "python3"
    c.MappingKernelManager.update(
        cull_idle_timeout=int(config.cull_idle_s), cull_interval=int(config.cull_interval_s)
    )
    c.Kernels.kernel_env = dict(config.kernel_env)
    c.Terminals.terminal_env = dict(config.terminal_env)
    c.KernelManager.transport = "ipc"
    c.KernelProvisionerFactory.default_provisioner_name = "carrel"
    c.TerminalsExtensionApp.terminal_manager_class = "carrel_server.terminals.Terminals"
    c.LabApp.update(
        user_settings_dir=config.lab_settings_dir,
        workspaces_dir=config.lab_workspaces_dir,
        extra_labextensions_path=list(config.extra_labextensions_path),
        extension_manager="pypi" if config.extensions == "full" else "readonly",
        check_for_updates_class="jupyterlab.handlers.announcements.NeverCheckForUpdate",
        news_url=None,
    )
    return c
