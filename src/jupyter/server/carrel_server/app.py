"""Stock ServerApp with two doors that are open already, a first kernel that may be waiting, and its
own log.
"""

import signal
import ssl

import jupyter_server.serverapp
from jupyter_core.application import JupyterApp
from jupyter_server.extension.application import ExtensionApp
from tornado import httpserver, ioloop

from . import contents, handlers, kernels, log, settings, terminals, tickets  # noqa: F401

ExtensionApp._log_formatter_cls = log.Formatter


class CarrelServer(jupyter_server.serverapp.ServerApp):
    """Call `open_doors` before `initialize`."""

    _log_formatter_cls = log.Formatter

    def open_doors(self, config, unix_door, tcp_doors, kernel):
        self.carrel, self.unix_door, self.tcp_doors, self.waiting = (
            config,
            unix_door,
            tcp_doors,
            kernel,
        )
        log.hide(config.token, config.hashed_password)
        log.for_everybody()

    def init_configurables(self):
        super().init_configurables()
        self.kernel_manager.waiting = self.waiting
        self.tornado_settings.update(
            log_function=log.request,
            carrel_tickets=tickets.Tickets(),
            carrel_landing=settings.landing(self.carrel),
            carrel_name=self.carrel.name,
        )

    def init_webapp(self):
        super().init_webapp()
        self.web_app.add_handlers(".*$", handlers.handlers)

    def init_signal(self):
        super().init_signal()
        signal.signal(
            signal.SIGHUP, lambda *_: self.io_loop.add_callback_from_signal(self.reload_certificate)
        )

    def _tls(self):
        if not self.certfile:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.certfile, self.keyfile)
        return context

    def reload_certificate(self):
        """New connections get the renewed certificate; a broken one changes nothing."""
        if not self.certfile:
            return
        try:
            self._tls()  # both files are good and belong together
            self.tls.load_cert_chain(self.certfile, self.keyfile)
            self.log.info("the certificate was read again")
        except (OSError, ssl.SSLError) as error:
            self.log.error("the renewed certificate cannot be used, the old one stays: %s", error)

    def init_httpserver(self):
        self.tls = self._tls()
        limits = {"max_body_size": self.max_body_size, "max_buffer_size": self.max_buffer_size}
        self._http_server = httpserver.HTTPServer(self.web_app, ssl_options=self.tls, **limits)
        self.unix_server = httpserver.HTTPServer(self.web_app, **limits)
        self.io_loop.add_callback(self._listen)

    def _listen(self):
        self.unix_server.add_sockets([self.unix_door])
        self._http_server.add_sockets(self.tcp_doors)
        if self.waiting:
            ioloop.IOLoop.current().call_later(
                kernels.unclaimed_s, self.kernel_manager.drop_unclaimed
            )

    def start_app(self):
        """Stock, without its banner, its browser and its file that holds the token."""
        JupyterApp.start(self)
        scheme = "https" if self.certfile else "http"
        self.log.info(
            "ready on %s://%s:%d and %s", scheme, self.carrel.ip, self.port, self.carrel.socket
        )

    def stop(self, from_signal=False):
        if hasattr(self, "unix_server"):
            self.unix_server.stop()
        super().stop(from_signal)

    async def cleanup_kernels(self):
        self.kernel_manager.drop_unclaimed()
        await super().cleanup_kernels()
