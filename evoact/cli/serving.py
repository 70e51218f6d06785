"""`evoact ui --report`: the report of a study, on a page that is as new as its journal."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from evoact.cli.pages import check_free, show_page
from evoact.errors import InputError


def serve_report(run: Path | None, host: str, port: int, browser: bool | None) -> None:
    """Serve the report of a study until Ctrl-C; each time it is loaded, it is made anew.

    Raises:
        InputError: no study is named, or nobody can listen there.
    """
    from evoact.cli.reporting import report_of
    from evoact.study import Study

    if run is None:
        raise InputError("--report wants the folder of a study: evoact ui --report runs/NAME")

    def made() -> str:
        return report_of(Study.load(run))

    made()  # what is no study is told now
    check_free(host, port)
    url = f"http://{host}:{port}/"
    with page_server(made, host, port) as server, suppress(KeyboardInterrupt):
        show_page("Report", url, browser, url)
        server.serve_forever()


def page_server(made: Callable[[], str], host: str, port: int) -> ThreadingHTTPServer:
    """Return a server of one page, `/`, which is made when it is asked for."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.path.partition("?")[0] != "/":
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            page = made().encode()
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(page)))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(page)

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002  # the base's name
            """Say nothing: requests are of no interest to who started it."""

    return ThreadingHTTPServer((host, port), Handler)
