"""Carrel's own endpoints: tickets, and the options in force."""

import html
import json
from importlib.metadata import version

from jupyter_server.auth.decorator import allow_unauthenticated
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from tornado import web

from . import tickets

_page = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>This link is used up</title>
<body style="font: 1.1em system-ui, sans-serif; max-width: 34em; margin: 4em auto; padding: 0 1em">
<h1>This link is used up</h1>
<p>A link to a workspace signs in one browser, once, within ten minutes of being made.</p>
<p>For a new one, type this in a terminal where Carrel runs:</p>
<pre style="font-size: 1.1em"><b>carrel open {name}</b></pre>
</body></html>
"""


class TicketsHandler(APIHandler):
    """POST: a ticket for whoever is signed in."""

    @web.authenticated
    def post(self):
        body = self.get_json_body() or {}
        path = body.get("path") if isinstance(body, dict) else ""
        if path is None:
            path = self.settings["carrel_landing"]
        if not tickets.is_local(path):
            raise web.HTTPError(400, "'path' must be a path on this server, such as /lab")
        self.set_status(201)
        self.set_header("Cache-Control", "no-store")
        self.finish(
            json.dumps(
                {
                    "ticket": self.settings["carrel_tickets"].make(path),
                    "expires_in": tickets.lifetime_s,
                }
            )
        )


class TicketHandler(JupyterHandler):
    """GET: signs the browser in."""

    @allow_unauthenticated
    def get(self, ticket):
        self.set_header("Referrer-Policy", "no-referrer")
        self.set_header("Cache-Control", "no-store")
        fresh, path = self.settings["carrel_tickets"].spend(ticket)
        if fresh:
            provider = self.identity_provider
            provider.set_login_cookie(self, provider.generate_anonymous_user(self))
        elif not self.current_user:
            self.set_status(403)
            self.set_header("Content-Type", "text/html; charset=utf-8")
            self.finish(_page.format(name=html.escape(self.settings["carrel_name"])))
            return
        self.redirect(path or self.settings["carrel_landing"])


class OptionsHandler(APIHandler):
    """GET: what is in force, without secrets."""

    @web.authenticated
    def get(self):
        server, provider = self.settings["serverapp"], self.identity_provider
        names = (
            "ip port port_retries sock base_url default_url root_dir certfile keyfile "
            "client_ca trust_xheaders allow_root allow_unauthenticated_access "
            "allow_remote_access local_hostnames allow_origin allow_origin_pat "
            "allow_credentials disable_check_xsrf authenticate_prometheus "
            "allow_external_kernels open_browser terminals_enabled config_dir data_dir "
            "runtime_dir jpserver_extensions "
        ).split()
        options = {name: getattr(server, name) for name in names}
        options.update(
            identity_provider=type(provider).__name__,
            authorizer=type(server.authorizer).__name__,
            token="set" if provider.token else "unset",
            hashed_password="set" if provider.hashed_password else "unset",
            password_required=provider.password_required,
            allow_password_change=provider.allow_password_change,
            kernel_dirs=list(server.kernel_spec_manager.kernel_dirs),
            ensure_native_kernel=server.kernel_spec_manager.ensure_native_kernel,
            kernel_transport=server.config.KernelManager.transport,
            config_files=[str(path) for path in server.loaded_config_files],
        )
        packages = ("jupyter_server", "jupyterlab", "jupyter_client", "jupyter_core", "tornado")
        self.finish(
            json.dumps(
                {"versions": {name: version(name) for name in packages}, "options": options},
                default=str,
            )
        )


handlers = [
    (r"/carrel/tickets", TicketsHandler),
    (r"/carrel/ticket/([^/]+)", TicketHandler),
    (r"/carrel/options", OptionsHandler),
]
