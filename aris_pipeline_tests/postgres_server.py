"""A PostgreSQL server of a test's own, on loopback; it is gone with all it holds when that ends."""

import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

_DEBIAN = "/usr/lib/postgresql/*/bin/initdb"
_START_S = 30.0
_USER = "aris"


def initdb() -> Path | None:
    """Where PostgreSQL's programs are; Debian keeps them off the PATH."""
    found = shutil.which("initdb") or next(iter(sorted(glob.glob(_DEBIAN), reverse=True)), None)
    # The others are beside the file itself, where this is a link.
    return Path(found).resolve() if found else None


@dataclass
class PostgresServer:
    """A server that can be stopped and started again.

    Attributes:
        folder: holds its data and its log.
        port: on loopback.
        password: of its only user.
    """

    folder: Path
    port: int
    password: str = "corréct/horse:battery"  # what a URL has to encode
    _process: "subprocess.Popen[bytes] | None" = field(default=None, repr=False)

    def database(self) -> str:
        """Makes an empty database and returns its URL."""
        name = f"instance_{uuid4().hex}"
        rows_of(self._url("postgres"), f"create database {name}")
        return self._url(name)

    def _url(self, database: str) -> str:
        secret = quote(self.password, safe="")
        return f"postgresql+psycopg2://{_USER}:{secret}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        programs = initdb()
        assert programs is not None
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *(programs.with_name("postgres"), "-D", self.folder / "data"),
                    *("-k", self.folder, "-h", "127.0.0.1", "-p", str(self.port)),
                ],
                stdout=log,
                stderr=log,
                **_as_user(),
            )
        address = ["-q", "-h", "127.0.0.1", "-p", str(self.port)]
        ready = [str(programs.with_name("pg_isready")), *address]
        deadline = time.monotonic() + _START_S
        while subprocess.run(ready, check=False).returncode:
            assert self._process.poll() is None, (self.folder / "server.log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def stop(self) -> None:
        """Ends the server and every connection to it at once."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(timeout=30)
            self._process = None


def rows_of(url: str, query: str) -> list[tuple[Any, ...]]:
    """Asks a database; a statement that is no query has no rows."""
    import psycopg2

    connection = psycopg2.connect(url.replace("+psycopg2", ""))
    connection.autocommit = True  # databases are not made in a transaction
    try:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return list(cursor.fetchall()) if cursor.description else []
    finally:
        connection.close()


@contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """Yields a running server with an empty database; needs Debian's package postgresql."""
    programs = initdb()
    assert programs is not None, "no PostgreSQL: apt-get install postgresql"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    # Not below pytest's folder, which the server's user may not enter.
    with tempfile.TemporaryDirectory(prefix="postgres-") as folder:
        server = PostgresServer(Path(folder), port)
        secret = server.folder / "password"
        secret.write_text(server.password)
        if os.geteuid() == 0:
            for path in (server.folder, secret):
                shutil.chown(path, _server_user())
        subprocess.run(
            [
                *(programs, "-D", server.folder / "data", "-U", _USER, "--pwfile", secret),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--no-sync"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            **_as_user(),
        )
        try:
            server.start()
            yield server
        finally:
            server.stop()


def _as_user() -> dict[str, Any]:
    """PostgreSQL does not run as root."""
    return {"user": _server_user(), "cwd": "/"} if os.geteuid() == 0 else {}


def _server_user() -> str:
    known = {user.pw_name for user in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"
