"""Reports the progress of a run, for the log and for the terminal."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Literal, Self

from aris_pipeline.completions.live_line import LiveLine, duration
from aris_pipeline.engines import Loading, TokenCounts

Work = Literal["answering", "scoring"]
RowDone = Callable[[], None]
"""Called for each finished row."""

_DONE = {"answering": "answered", "scoring": "scored"}


@dataclass(frozen=True)
class Progress:
    """The progress of a run, over all its shards.

    Attributes:
        work: what happens to the rows.
        total: rows to be generated; an upper limit while shards are still to be read.
        asked: rows that the engine has received.
        done: finished rows.
        seconds: the seconds of generation.
        row_tokens: prompt and output tokens of the finished rows.
        asked_tokens: prompt tokens of all requests, those for scores too.
        most_output_tokens: the most tokens that these requests may generate.
        counted: tokens that the engine has processed; None if it does not say.
    """

    work: Work
    total: int
    asked: int
    done: int
    seconds: float
    row_tokens: int = 0
    asked_tokens: int = 0
    most_output_tokens: int = 0
    counted: TokenCounts | None = None

    @property
    def share(self) -> float | None:
        """Returns the share of the work that is done, by tokens if the engine counts them."""
        done, left = self._tokens()
        return done / (done + left) if done else None

    @property
    def left_s(self) -> float | None:
        """Returns the seconds that the rest takes at the speed so far."""
        done, left = self._tokens()
        return left / done * self.seconds if done else None

    def _tokens(self) -> tuple[float, float]:
        """Returns done and remaining work in new tokens, or in rows if tokens are not counted.

        Prompt tokens that the engine finds in its cache cost nothing. The mean of the finished
        answers would be too short, because short answers finish first. So the tokens written for
        unfinished answers count too, and one more answer of the greatest length. Until an answer is
        finished, all answers count with the greatest length.
        """
        if self.counted is None or not self.asked or self.done >= self.total:
            return self.done, self.total - self.done
        read, written = self.counted.prompt, self.counted.output
        new = 1 - self.counted.cached / read if read else 1.0
        to_read = max(self.asked_tokens / self.asked * self.total - read, 0)
        longest = self.most_output_tokens / self.asked
        answer = min((written + longest) / (self.done + 1), longest)
        to_write = max(answer * self.total - written, 0)
        return read * new + written, to_read * new + to_write

    def __str__(self) -> str:
        if not self.asked:
            return "reading prompts, and answers that are known"
        parts = [f"{self.done:,} of {self.total:,} rows"]
        if self.share is not None and self.left_s is not None:
            parts.insert(0, f"{self.share:.0%}")
            parts.append(f"{'' if self.done else 'up to '}{duration(self.left_s)} left")
        else:
            first = "finished row" if self.counted is None else "token"
            parts.append(f"waiting for the first {first}")
        if self.done and self.seconds:
            parts.append(f"{self.done / self.seconds:,.2f} rows/s")
        if self.counted is None and self.done and self.seconds:
            parts.append(f"{self.row_tokens / self.seconds:,.0f} tok/s")
        if self.counted and self.share is not None and self.seconds:
            read, written, cached = self.counted.prompt, self.counted.output, self.counted.cached
            parts.append(f"{(read - cached + written) / self.seconds:,.0f} new tok/s")
            parts.append(f"{read:,} prompt tokens read, {written:,} written")
        return f"{self.work}: {', '.join(parts)}, {duration(self.seconds)}"


Report = Callable[[Callable[[], Progress]], AbstractContextManager[RowDone]]
"""Shows progress while work goes on: takes a function that returns it, gives one that counts
rows."""


def silently(_look: Callable[[], Progress]) -> AbstractContextManager[RowDone]:
    """Reports nothing."""
    return nullcontext(lambda: None)


class ProgressReporter:
    """Shows loads and rows on one line: changing on stderr on request, every 30 s in the log."""

    def __init__(self, log: Callable[[str], None], *, bar: bool) -> None:
        self._line = LiveLine(draws=bar, log=log)

    @contextmanager
    def loading(self, model: str, loading: Loading) -> Iterator[None]:
        """Reports a load and its seconds for as long as it takes."""
        started = time.monotonic()

        def text() -> str:
            stage = f" ({loading.stage})" if loading.stage else ""
            log = f", log {loading.log.path}" if loading.log else ""
            return f"loading {model}{stage}: {duration(time.monotonic() - started)}{log}"

        self._line.say(f"loading {model}")
        with self._line.showing(text):
            yield
        self._line.say(f"loaded {model} in {duration(time.monotonic() - started)}")

    @contextmanager
    def working(self, look: Callable[[], Progress]) -> Iterator[RowDone]:
        """Reports rows while the engine works on them.

        Args:
            look: returns the progress of the run; another thread calls it, too.

        Yields:
            The function to call for each finished row.
        """
        first = True

        def row_done() -> None:
            nonlocal first
            if first:
                first = False
                self._line.say(f"first row after {duration(look().seconds)}")

        with self._line.showing(lambda: str(look())):
            yield row_done
        if done := (end := look()).done:
            rate = f", {done / end.seconds:,.2f} rows/s" if end.seconds else ""
            self._line.say(f"{_DONE[end.work]} {done:,} rows in {duration(end.seconds)}{rate}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._line.close()
