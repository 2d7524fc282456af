"""SIGKILL at a chosen storage operation: a kill from outside hardly ever hits between two of them.

`FAKE_KILL_AT=<stage>:<moment>` names the moment in the process that it is meant for: 2n - 1 is just
before the n-th operation of the stage, 2n just after it. Operations of the stages after it count
on, so that a moment which the stage does not reach still comes.
"""

import functools
import os
import signal
from collections.abc import Callable
from typing import Any

from aris_pipeline.cli import console

STAGES = (
    "landing",
    "raw_candidates",
    "prompts",
    "completions",
    "compaction",
    "throughput",
    "evaluations",
    "candidate_ranking",
)
"""In the order of a run; compaction makes a shard's part files into its completions file."""

_MARK = "killed itself in"


def announced_stage(line: str) -> str | None:
    """Returns the stage that a line of `aris run` on stderr announces."""
    if line.startswith("land: "):
        return "landing"
    name = line.strip().removeprefix("materializing ")
    return name if name in STAGES and name != line.strip() else None


def own_kill(line: str) -> str | None:
    """Returns the stage in which a process says on stderr that it kills itself."""
    return line.split()[3] if line.startswith(_MARK) else None


def arm() -> None:
    """Makes this process end as FAKE_KILL_AT says, if it says so."""
    wanted = os.environ.get("FAKE_KILL_AT")
    if wanted is None:
        return
    stage, _, moment = wanted.partition(":")
    trap = _Trap(stage, int(moment))
    setattr(console, "say", trap.watched_say(console.say))  # noqa: B010 - mypy: a function stands there
    for name in ("fsync", "replace", "unlink", "rmdir"):
        setattr(os, name, trap.watched(name, getattr(os, name)))


class _Trap:
    """Counts storage operations from a stage on."""

    def __init__(self, stage: str, moment: int) -> None:
        self._wanted, self._moment = STAGES.index(stage), moment
        self._announced: str | None = None
        self._moments = 0

    def watched_say(self, say: Callable[[str], None]) -> Callable[[str], None]:
        def watched(text: str) -> None:
            self._announced = announced_stage(text) or self._announced
            say(text)

        return watched

    def watched(self, name: str, operation: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(operation)
        def watched(*args: Any, **kwargs: Any) -> Any:
            stage = self._stage_of(name, args[0])
            self._pass(stage, f"before {name}")
            result = operation(*args, **kwargs)
            self._pass(stage, f"after {name}")
            return result

        return watched

    def _stage_of(self, name: str, target: object) -> str | None:
        if self._announced != "completions":
            return self._announced
        path = os.readlink(f"/proc/self/fd/{target}") if isinstance(target, int) else str(target)
        if name in ("unlink", "rmdir"):
            return "compaction" if path.startswith(("part-", "shard=")) else "completions"
        return "compaction" if "completions.parquet" in path else "completions"

    def _pass(self, stage: str | None, what: str) -> None:
        if stage is None or STAGES.index(stage) < self._wanted:
            return
        self._moments += 1
        if self._moments == self._moment:
            os.write(2, f"\n{_MARK} {stage} {what}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)
