"""`aris` as a process under observation, and the place that it works in."""

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from aris_pipeline.candidates import write_synthetic
from aris_pipeline.models import cache_dir, embedded_model_dir
from aris_pipeline_tests.soak.results import Try
from aris_pipeline_tests.soak.self_kill import announced_stage, own_kill

_OURS = re.compile(r"ARIS_|FAKE_|DAGSTER_")
_PATIENCE_S = 600.0
_LAST_WORDS_S = 10.0
"""For reading what is in the pipes; a process that was left behind may hold them open."""


class ArisProcess:
    """A running `aris`; the stages that it announces are noted with their time."""

    def __init__(self, arguments: list[str], environment: dict[str, str]) -> None:
        self.started = time.monotonic()
        self.stages: dict[str, float] = {}
        self.killed_itself_in: str | None = None
        self.stderr: list[str] = []
        self._stdout: list[str] = []
        self._changed = threading.Condition()
        self._process = subprocess.Popen(
            [sys.executable, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env=environment,
            # The kernel hangs a group up when its leader ends and a member is stopped.
            start_new_session=True,
        )
        self._readers = [
            threading.Thread(target=self._read_stderr, daemon=True),
            threading.Thread(target=self._read_stdout, daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def stage(self) -> str | None:
        """The stage that was announced last."""
        return next(reversed(self.stages), None)

    @property
    def running(self) -> bool:
        return self._process.poll() is None

    def wait_for(self, stage: str) -> bool:
        """Waits until a stage begins; false if the process ends before."""
        with self._changed:
            self._changed.wait_for(
                lambda: stage in self.stages or not self._readers[0].is_alive(), _PATIENCE_S
            )
        return stage in self.stages

    def wait_until(self, reached: float) -> None:
        """Sleeps to a moment, or to the end of the process."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, reached - time.monotonic()))

    def send(self, signal_number: int) -> None:
        self._process.send_signal(signal_number)

    def finish(self) -> "Finished":
        """Waits for the end of the process, which is killed where it does not come."""
        try:
            self._process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            raise
        for reader in self._readers:
            reader.join(_LAST_WORDS_S)
        return Finished(
            self._process.returncode,
            "".join(self._stdout),
            "".join(self.stderr),
            time.monotonic() - self.started,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._process.kill()
        self.finish()

    def _read_stderr(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            stage = announced_stage(line)
            with self._changed:
                self.stderr.append(line)
                self.killed_itself_in = own_kill(line) or self.killed_itself_in
                if stage:
                    self.stages[stage] = time.monotonic()
                self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def _read_stdout(self) -> None:
        assert self._process.stdout is not None
        self._stdout.extend(self._process.stdout)


@dataclass(frozen=True)
class Finished:
    """A process that has ended."""

    code: int
    stdout: str
    stderr: str
    seconds: float

    @property
    def figures(self) -> dict[str, Any]:
        """The JSON object on the last line of stdout; empty where there is none."""
        lines = self.stdout.splitlines()
        with contextlib.suppress(ValueError, IndexError):
            found: dict[str, Any] = json.loads(lines[-1])
            return found
        return {}

    @property
    def said(self) -> str:
        """What it told people went wrong, shortened."""
        errors = [line for line in self.stderr.splitlines() if line.startswith("error:")]
        return " | ".join(errors)[:300]


@dataclass(frozen=True)
class Place:
    """A data directory of its own and the file that goes into it.

    Attributes:
        folder: holds the data directory and what the engines have logged.
        file: synthetic candidates.
        shard_size: rows a shard.
        cache: for locks and models; not the user's, whose engine may be busy.
    """

    folder: Path
    file: Path
    shard_size: int
    cache: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def run(self, *options: str, **fake: object) -> ArisProcess:
        """Starts `aris run` on the file, in the `environment` of `fake`."""
        arguments = [str(self.file), "--shard-size", str(self.shard_size), *options]
        return self.start("run", *arguments, **fake)

    def start(self, command: str, *arguments: str, **fake: object) -> ArisProcess:
        """Starts any command on the data directory."""
        program = ["-m", "aris_pipeline_tests.fake_aris", command, *arguments]
        return ArisProcess(
            [*program, "--data-dir", str(self.data), "--json"], self.environment(**fake)
        )

    def environment(self, **fake: object) -> dict[str, str]:
        """Of a process in this place: the user's settings must not reach it.

        Names in lower case become FAKE_* variables, those in upper case stay as they are.
        """
        kept = {name: value for name, value in os.environ.items() if not _OURS.match(name)}
        faults = {
            name if name.isupper() else f"FAKE_{name.upper()}": str(value)
            for name, value in fake.items()
        }
        return {**kept, **faults, "CUDA_VISIBLE_DEVICES": "", "ARIS_CACHE_DIR": str(self.cache)}

    def log(self, number: int) -> Path:
        """A file for what the engine of one process has generated."""
        return self.folder / f"generated-{number:03d}.log"

    def cleared(self, one: Try) -> Try:
        """Removes what a try has left, unless it broke a promise."""
        if one.ok:
            shutil.rmtree(self.folder)
        return one


@dataclass(frozen=True)
class Workshop:
    """Where places are made."""

    root: Path

    def place(self, name: str, rows: int, shard_size: int, seed: int = 1) -> Place:
        """Returns a new, empty place with a file of candidates."""
        folder = self.root / name
        shutil.rmtree(folder, ignore_errors=True)
        file = folder / "candidates.json"
        write_synthetic(rows, seed, "aris", file)
        return Place(folder, file, shard_size, _cache(folder))

    def folder(self, name: str) -> Path:
        """Returns a new, empty folder."""
        folder = self.root / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        return folder


def _cache(folder: Path) -> Path:
    """A place's own cache, for engine locks, with the user's prepared model in it."""
    cache = folder / "cache"
    embedded_model_dir()
    cache.mkdir(parents=True)
    (cache / "models").symlink_to(cache_dir() / "models")
    return cache
