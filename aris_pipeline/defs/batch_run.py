"""A file through the whole chain in this process, by the same jobs that the UI launches."""

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

import dagster as dg
from dagster_shared.error import SerializableErrorInfo

from aris_pipeline import errors
from aris_pipeline.candidates import require_usable
from aris_pipeline.chain import CHAIN
from aris_pipeline.completions.live_line import LiveLine, duration
from aris_pipeline.defs.automation import range_tags
from aris_pipeline.defs.build import build_definitions
from aris_pipeline.defs.instance import open_instance, storage_errors_named
from aris_pipeline.defs.landing import LandConfig
from aris_pipeline.defs.partitions import SHARDS, register_shards
from aris_pipeline.defs.recovery import process_tags, release_dead_runs
from aris_pipeline.engines import EngineLock
from aris_pipeline.errors import ArisError, BatchBusyError, ConfigError, DiskError, InputError
from aris_pipeline.models import ModelCard, is_prepared
from aris_pipeline.settings import judging_settings
from aris_pipeline.storage import Batch, DataStore, Judge, ObjectPath, alone_on_batch

_WORTH_SAYING_S = 1.0


@dataclass(frozen=True)
class RunOutcome:
    """What became of a file."""

    batch: Batch
    judge: Judge
    card: ModelCard
    wall_s: float
    failures: list[str]


@dataclass(frozen=True)
class RefusedFile:
    """A file that could not be used, beside others that could."""

    file: str
    error: str
    error_type: str

    def as_dict(self) -> dict[str, str]:
        """The fields, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class BatchRunner:
    """Runs files through the chain, on a persistent instance.

    Attributes:
        definitions: the code location.
        instance: the one that the UI shows.
        store: the data directory.
        judging: configuration of the `judging` resource; unset values are left out.
        say: called with what is about to happen.
        line: shows how long it has been at it.
    """

    definitions: dg.Definitions
    instance: dg.DagsterInstance
    store: DataStore
    judging: dict[str, Any]
    say: Callable[[str], None]
    line: LiveLine = field(default_factory=LiveLine)

    @classmethod
    def on(
        cls,
        data_dir: str,
        judging: dict[str, Any],
        say: Callable[[str], None],
        line: LiveLine | None = None,
    ) -> Self:
        """Returns a runner for a data directory, after clearing up behind runs that died."""
        store = DataStore.at(data_dir)
        instance = open_instance(store.root)
        if isinstance(store.root, ObjectPath):
            say(f"Dagster's history of {store.root}: {instance.root_directory}")
        with storage_errors_named(Path(instance.root_directory)):
            for run_id in release_dead_runs(instance):
                say(f"run {run_id[:8]} had died; its place is free again")
        chosen = {
            name: str(value) if isinstance(value, Path) else value
            for name, value in judging.items()
            if value is not None
        }
        return cls(build_definitions(), instance, store, chosen, say, line or LiveLine())

    def run_all(
        self, files: Sequence[Path], landing: dict[str, Any], until: str
    ) -> tuple[list[RunOutcome], list[RefusedFile]]:
        """Runs files one after the other; one that cannot be used does not hold up the others.

        Returns:
            What became of the files that could be used, and the others with the reason.

        Raises:
            InputError: no file could be used.
            ArisError: whatever else `run` raises; it would meet the other files, too.
        """
        outcomes: list[RunOutcome] = []
        refused: list[RefusedFile] = []
        for file in files:
            try:
                outcomes.append(self.run(file, landing, until))
            except (InputError, BatchBusyError) as error:
                if len(files) == 1:
                    raise
                self.say(f"refused: {file}")
                refused.append(RefusedFile(str(file), str(error), type(error).__name__))
        if not outcomes:
            raise InputError("\n".join(one.error for one in refused))
        return outcomes, refused

    def run(self, file: Path, landing: dict[str, Any], until: str) -> RunOutcome:
        """Lands a file and materializes the chain up to and including the asset `until`.

        Raises:
            InputError: the file cannot be landed.
            ConfigError: no such rubric or model.
            BatchBusyError: another process runs the batch.
            EngineBusyError: another process holds the engine.
            DiskError: nothing more can be written; what is finished is kept.
            KeyboardInterrupt: Ctrl-C or SIGTERM; what is finished is kept.
        """
        started = time.monotonic()
        with storage_errors_named(Path(self.instance.root_directory)):
            batch = self._land(LandConfig(path=str(file.absolute()), **landing))
            with alone_on_batch(self.store.locks, batch.name):
                return self._run_chain(batch, until, started)

    def _run_chain(self, batch: Batch, until: str, started: float) -> RunOutcome:
        keys = register_shards(self.instance, batch)
        if self._in_range(keys) != keys:
            raise ConfigError(
                f"the partitions of {batch.name} are not registered side by side; "
                "remove them in the UI and run again"
            )
        settings = judging_settings(self.judging, os.environ)
        assignment = settings.assign(batch, self.store)
        # Before prompts and verdicts of an earlier run are replaced.
        assignment.check_labels(self.store, batch)
        if assignment.profile:
            self.say(f"engine settings: {assignment.profile}")
        if assignment.card.embedded and not is_prepared():
            self.say("the demo model is unpacked first, once: up to a minute")
        failures: list[str] = []
        for asset in _up_to(until):
            if asset == "completions" and settings.engine.on_this_machine:
                EngineLock.check()
            with self._phase(f"materializing {asset}", live=asset != "completions"):
                if asset == "completions" and assignment.data_type:
                    self.say(f"data type {assignment.data_type}")
                failures += self._materialize(asset, keys)
            if asset == "raw_candidates":
                require_usable(self.store, batch)
        wall_s = time.monotonic() - started
        return RunOutcome(batch, assignment.judge, assignment.card, wall_s, failures)

    def audit(self, batch: Batch, asset: str, config: dict[str, Any]) -> None:
        """Materializes an audit of a batch, which asks the engine.

        Args:
            batch: the batch.
            asset: of the job `audit`.
            config: of the asset, besides the batch; unset values are left out.

        Raises:
            ArisError: the audit failed.
            KeyboardInterrupt: Ctrl-C or SIGTERM; an earlier audit stays as it is.
        """
        chosen = {name: value for name, value in config.items() if value is not None}
        ops = {asset: {"config": {"batch": batch.name, **chosen}}}
        with (
            storage_errors_named(Path(self.instance.root_directory)),
            alone_on_batch(self.store.locks, batch.name),
            self._phase(f"materializing {asset}", live=False),
        ):
            if judging_settings(self.judging, os.environ).engine.on_this_machine:
                EngineLock.check()
            result = self.definitions.resolve_job_def("audit").execute_in_process(
                instance=self.instance,
                run_config=self._run_config({"ops": ops}, only=("store", "judging", "engine")),
                tags=process_tags(),
                asset_selection=[dg.AssetKey(asset)],
                raise_on_error=False,
            )
        if not result.success:
            _raise_if_interrupted(result)
            raise _failures(result)[0]

    def _land(self, config: LandConfig) -> Batch:
        run_config = self._run_config(
            {"ops": {"land_candidates": {"config": config.model_dump(exclude_none=True)}}},
            only=("store",),
        )
        with self._phase(f"land: {Path(config.path).name}"):
            result = self.definitions.resolve_job_def("land").execute_in_process(
                instance=self.instance,
                run_config=run_config,
                tags=process_tags(),
                raise_on_error=False,
            )
        if not result.success:
            _raise_if_interrupted(result)
            raise _failures(result, unnamed=InputError)[0]
        batch = self.store.batch(result.output_for_node("land_candidates"))
        if batch.fields is not None:
            self.say(f"fields, by the first {batch.fields.rows:,} rows: {batch.fields}")
        return batch

    def _materialize(self, asset: str, keys: list[str]) -> list[str]:
        """Materializes one asset and returns why it failed, if it did.

        Each asset has a run of its own, because what follows a failed step does not execute in
        the same run, and a shard that failed must not hold up the others.
        """
        table = CHAIN[asset]
        result = self.definitions.resolve_job_def(str(table.job)).execute_in_process(
            instance=self.instance,
            run_config=self._run_config({}, only=table.resources),
            tags={**process_tags(), **(range_tags(keys) if table.grain == "shard" else {})},
            asset_selection=[dg.AssetKey(asset)],
            raise_on_error=False,
        )
        if result.success:
            return []
        _raise_if_interrupted(result)
        failures = _failures(result)
        for failure in failures:
            if isinstance(failure, DiskError):
                raise failure
        return [str(failure) for failure in failures]

    @contextmanager
    def _phase(self, name: str, *, live: bool = True) -> Iterator[None]:
        """Says what begins, how long it is at it, and how long it took where one had to wait."""
        started = time.monotonic()
        self.say(name)
        with (
            self.line.showing(lambda: f"{name}: {duration(time.monotonic() - started)}")
            if live
            else nullcontext()
        ):
            yield
        took = time.monotonic() - started
        if took >= _WORTH_SAYING_S:
            self.say(f"  took {duration(took)}")

    def _run_config(self, config: dict[str, Any], *, only: tuple[str, ...]) -> dict[str, Any]:
        config_of = {
            "store": {"data_dir": str(self.store.root)},
            "judging": self.judging,
            "engine": {"progress_bar": True},
        }
        resources = {name: {"config": config_of[name]} for name in only}
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        return {**config, **quiet, "resources": resources}

    def _in_range(self, keys: list[str]) -> list[str]:
        known = self.instance.get_dynamic_partitions(SHARDS)
        return list(known[known.index(keys[0]) : known.index(keys[-1]) + 1])


def _up_to(until: str) -> list[str]:
    """The assets of the chain up to and including one."""
    names = list(CHAIN)
    return names[: names.index(until) + 1]


def _raise_if_interrupted(result: dg.ExecuteInProcessResult) -> None:
    """Dagster makes Ctrl-C and SIGTERM a failure of the step that they met; here they end the run.

    Raises:
        KeyboardInterrupt: a step was interrupted.
    """
    for event in result.all_events:
        error = event.step_failure_data.error if event.is_step_failure else None
        for cause in _causes(error):
            if cause.cls_name in ("DagsterExecutionInterruptedError", "KeyboardInterrupt"):
                raise KeyboardInterrupt


def _failures(
    result: dg.ExecuteInProcessResult, unnamed: type[ArisError] = ArisError
) -> list[ArisError]:
    """Why each failed step failed, as the error of ours that it raised.

    Args:
        result: of a run that failed.
        unnamed: the type of what was not raised on purpose.
    """
    found = []
    for event in result.all_events:
        if event.is_step_failure:
            said = event.step_failure_data.user_failure_data
            if said is not None and said.description:
                found.append(unnamed(said.description))
                continue
            causes = list(_causes(event.step_failure_data.error))
            ours = [cause for cause in causes if hasattr(errors, cause.cls_name or "")]
            for cause in (ours or causes[::-1])[:1]:
                kind = getattr(errors, cause.cls_name or "", unnamed)
                found.append(kind(cause.message.partition(": ")[2].strip()))
    return found or [unnamed("the run failed before its first step; see the Dagster UI")]


def _causes(error: SerializableErrorInfo | None) -> Iterator[SerializableErrorInfo]:
    """An error and what it was raised from, down to the first."""
    while error is not None:
        yield error
        error = error.cause
