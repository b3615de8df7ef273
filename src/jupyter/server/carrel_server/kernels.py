"""Kernels over unix sockets, and the hand-over of the first one; the rest is stock Jupyter."""

from importlib.metadata import EntryPoint

from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.provisioning.factory import KernelProvisionerFactory
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from jupyter_server.services.kernels.kernelmanager import (
    AsyncMappingKernelManager,
    ServerKernelManager,
)
from traitlets import Dict, Unicode, default

from . import early, isolation

unclaimed_s = 120

KernelProvisionerFactory.provisioners["carrel"] = EntryPoint(
    "carrel", "carrel_server.kernels:Provisioner", KernelProvisionerFactory.GROUP_NAME
)


class Specs(KernelSpecManager):
    """The kernelspecs of one folder, and no others."""

    folder = Unicode().tag(config=True)

    def _kernel_dirs_default(self):
        return [self.folder]


class Kernel(ServerKernelManager):
    """One kernel; `waiting` is a process that its first launch may take."""

    waiting = None

    def _ip_default(self):
        return early.socket_prefix(self.connection_file)

    def take(self, process):
        """Speak as the process was told to; its connection file is there already."""
        self.waiting = process
        self.session.key = process.connection["key"].encode()
        for channel in early.channels:
            setattr(self, f"{channel}_port", process.connection[f"{channel}_port"])
        self._connection_file_written = True


class Kernels(AsyncMappingKernelManager):
    """All kernels of the server."""

    kernel_env = Dict(help="Variables for every kernel; the kernelspec's own win.").tag(config=True)
    waiting = None

    @default("kernel_manager_class")
    def _default_kernel_manager_class(self):
        return "carrel_server.kernels.Kernel"

    def pre_start_kernel(self, kernel_name, kwargs):
        process, self.waiting = self.waiting, None
        wanted = process and (kernel_name or self.default_kernel_name) == early.kernel_name
        if wanted and "kernel_id" not in kwargs:
            kwargs["kernel_id"] = process.kernel_id
        elif process:
            process.discard()
            process = None
        kernel, kernel_name, kernel_id = super().pre_start_kernel(kernel_name, kwargs)
        if process:
            kernel.take(process)
        return kernel, kernel_name, kernel_id

    def drop_unclaimed(self):
        process, self.waiting = self.waiting, None
        if process:
            self.log.info("nobody asked for the first kernel; it is stopped")
            process.discard()


class Provisioner(LocalProvisioner):
    """Launches as stock does, except that the first launch may find its process running."""

    def _finalize_env(self, env):
        super()._finalize_env(env)
        isolation.leave(env, keep=self.kernel_spec.env)
        for name, value in self.parent.parent.kernel_env.items():
            if name not in self.kernel_spec.env:
                env[name] = value

    async def launch_kernel(self, cmd, **kwargs):
        process, self.parent.waiting = self.parent.waiting, None
        if process is None:
            return await super().launch_kernel(cmd, **kwargs)
        connection = {**self.connection_info, "key": self.connection_info["key"].decode()}
        known = {
            key: value
            for key, value in kwargs.items()
            if key not in ("cwd", "env", "kernel_id", "extra_arguments")
        }
        if known or not process.fits(cmd, kwargs.get("cwd"), kwargs["env"], connection):
            self.log.info("the first kernel is not what was asked for; another is started")
            process.discard()
            return await super().launch_kernel(cmd, **kwargs)
        self.process = process.process
        self.pid = self.pgid = process.process.pid
        self.cwd = process.cwd
        self.log.info("kernel %s was ready before it was asked for", process.kernel_id)
        return self.connection_info
