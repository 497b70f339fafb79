"""`rlm view --serve`: the page of a run that is still being written, on this machine alone."""

from __future__ import annotations

import secrets
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from rlm_cli import journal, viewer

_MOST = 8_000_000  # bytes of a journal in one reply


class Server(ThreadingHTTPServer):
    """Serves one journal on the loopback interface, under a path that nobody can guess."""

    daemon_threads = True

    def __init__(self, path: Path, port: int = 0) -> None:
        """Port 0 takes any that is free. Raises OSError when it is taken."""
        super().__init__(("127.0.0.1", port), _Handler)
        self.path = path
        self.base = f"/{secrets.token_urlsafe(16)}/"
        self.page = viewer.following(f"{self.base}journal")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}{self.base}"


class _Handler(BaseHTTPRequestHandler):
    server: Server
    server_version = "rlm"
    sys_version = ""

    def do_GET(self) -> None:
        # A page of another site may lead its name to this address: then the name is in the header.
        if self.headers.get("Host") != f"127.0.0.1:{self.server.server_port}":
            self.send_error(HTTPStatus.FORBIDDEN)
            return
        address = urlsplit(self.path)
        if address.path == self.server.base:
            self._send(self.server.page, "text/html; charset=utf-8")
        elif address.path == f"{self.server.base}journal":
            self._send_journal(parse_qs(address.query).get("from", ["0"])[0])
        else:
            self.send_error(HTTPStatus.NOT_FOUND)

    def _send_journal(self, start: str) -> None:
        """Whole lines from byte `start` on, and whether a process is still writing them."""
        try:
            going = journal.going(self.server.path)  # before the read: what its end wrote is in this reply
            with self.server.path.open("rb") as stream:
                stream.seek(int(start))
                part = stream.read(_MOST)
                if b"\n" not in part and len(part) == _MOST:
                    part += stream.readline()
        except (OSError, ValueError):
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        self._send(part[: part.rfind(b"\n") + 1], "application/jsonl; charset=utf-8", Going=str(int(going)))

    def _send(self, body: bytes, kind: str, **more: str) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Bytes", str(len(body)))
        for name, value in more.items():
            self.send_header(f"X-{name}", value)
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        self.send_header("X-Frame-Options", "DENY")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Nothing: the terminal belongs to the user."""
