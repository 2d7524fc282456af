"""How far a running shard is, for the log and for the terminal."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

from tqdm import tqdm

from aris_pipeline.engines import Loading
from aris_pipeline.live_line import LiveLine, duration
from aris_pipeline.storage import Shard

_LOG_EVERY_S = 30.0


@dataclass(frozen=True)
class Progress:
    """How far a shard is.

    Attributes:
        shard: whose progress.
        total: rows to be generated in this run.
        done: rows finished in this run.
        tokens: prompt and output tokens of the finished rows.
        seconds: since generation began.
    """

    shard: Shard
    total: int
    done: int
    tokens: int
    seconds: float

    @property
    def tokens_per_second(self) -> float:
        """Prompt and output tokens a second, so far."""
        return self.tokens / self.seconds if self.seconds else 0.0

    def __str__(self) -> str:
        rate = self.done / self.seconds if self.seconds else 0.0
        left = (self.total - self.done) / rate if rate else float("nan")
        return (
            f"{self.shard.key}: {self.done:,} of {self.total:,} rows, {rate:.2f} rows/s, "
            f"{self.tokens_per_second:,.0f} tok/s, {left:,.0f} s left"
        )


class ProgressReporter:
    """Called for every finished row: a log line every 30 s, and on request bars on stderr.

    The last rows of a shard finish among the first of the next, so there may be several bars.
    """

    def __init__(self, log: Callable[[str], None], *, bar: bool) -> None:
        self._log, self._draw = log, bar
        self._bars: dict[Shard, tqdm[Any]] = {}
        self._last_line = time.monotonic()
        self._line = LiveLine(draws=bar, log=log)

    @contextmanager
    def loading(self, model: str, loading: Loading) -> Iterator[None]:
        """Reports a load, with its seconds, for as long as it takes."""
        started = time.monotonic()

        def text() -> str:
            stage = f" ({loading.stage})" if loading.stage else ""
            return f"loading {model}{stage}: {duration(time.monotonic() - started)}"

        self._line.say(f"loading {model}")
        with self._line.showing(text):
            yield
        self._line.say(f"loaded {model} in {duration(time.monotonic() - started)}")

    def __call__(self, progress: Progress) -> None:
        """Reports, at most as often as is useful."""
        if self._draw:
            self._advance(progress)
        now = time.monotonic()
        if now - self._last_line >= _LOG_EVERY_S:
            self._last_line = now
            self._log(str(progress))

    def _advance(self, progress: Progress) -> None:
        if progress.shard not in self._bars:
            self._bars[progress.shard] = tqdm(
                total=progress.total, desc=progress.shard.key, unit="rows"
            )
        bar = self._bars[progress.shard]
        bar.set_postfix_str(f"{progress.tokens_per_second:,.0f} tok/s", refresh=False)
        bar.update(progress.done - bar.n)
        if progress.done == progress.total:
            self._bars.pop(progress.shard).close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        for bar in self._bars.values():
            bar.close()
        self._line.close()
