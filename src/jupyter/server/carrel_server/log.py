"""The server's log: one plain line for each thing, with its time and without secrets."""

import logging
import re

line = "%(asctime)s %(levelname)s %(message)s"
time_format = "%Y-%m-%dT%H:%M:%S%z"

_patterns = (
    (re.compile(r"(/carrel/ticket/)[^\s/?&\"'<>]+"), r"\1***"),
    (re.compile(r"((?:token|password|_xsrf|code|ticket)=)[^\s&\"'<>]+", re.IGNORECASE), r"\1***"),
    (re.compile(r"((?:authorization|cookie)['\"]?\s*[:=]\s*).+", re.IGNORECASE), r"\1***"),
)
_secrets = []


def hide(*secrets):
    """These texts never appear in the log, wherever they come from."""
    _secrets.extend(secret for secret in secrets if secret)


def mask(text):
    for secret in _secrets:
        text = text.replace(secret, "***")
    for pattern, replacement in _patterns:
        text = pattern.sub(replacement, text)
    return text


class Formatter(logging.Formatter):
    """Masks the whole entry, tracebacks included."""

    def format(self, record):
        return mask(super().format(record))


class NoChatter(logging.Filter):
    """Leaves out what Jupyter says about itself at every start."""

    _chatter = re.compile(
        r"extension was successfully|websocket_ping_timeout|endpoints without @allow"
    )

    def filter(self, record):
        return not self._chatter.search(record.getMessage())


quiet = {
    "filters": {"chatter": {"()": "carrel_server.log.NoChatter"}},
    "handlers": {"console": {"filters": ["chatter"]}},
}


def for_everybody():
    """What libraries say outside Jupyter's own logger goes the same way."""
    handler = logging.StreamHandler()
    handler.setFormatter(Formatter(line, time_format))
    logging.getLogger().addHandler(handler)
    logging.captureWarnings(True)
    handler.addFilter(NoChatter())


def request(handler):
    """Failures and redirects; the query is left out because tokens travel in it."""
    from jupyter_server.prometheus.log_functions import prometheus_log_method

    status = handler.get_status()
    level = logging.ERROR if status >= 500 else logging.WARNING if status >= 400 else logging.INFO
    if status >= 300 and status != 304:
        path = handler.request.uri.partition("?")[0]
        spent_ms = 1000 * handler.request.request_time()
        handler.settings["serverapp"].log.log(
            level, "%d %s %s %.0f ms", status, handler.request.method, path, spent_ms
        )
    prometheus_log_method(handler)
