"""`aris purge` and `aris retain`: erase a person, or batches that are too old; legal holds."""

import getpass
import sys
from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from aris_pipeline.cli import console
from aris_pipeline.cli.console import command
from aris_pipeline.cli.options import AsJson, DataDir
from aris_pipeline.cli.pages import write_pages_anew
from aris_pipeline.erasure import (
    ErasurePlan,
    Hold,
    add_hold,
    all_holds,
    batches_kept_by,
    clean_folder,
    erase,
    expired_batches,
    history_folders,
    locked,
    plan_erasure,
    refuse_held,
    release_hold,
    remove_batches,
)
from aris_pipeline.errors import BatchBusyError, ConfigError
from aris_pipeline.storage import Batch, DataStore, dagster_home, data_path
from aris_pipeline.storage.erased import readmit as readmit_id

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before it is done.")]


def purge(
    custom_id: Annotated[str, typer.Option("--id", help="custom_id of the person to erase.")],
    batch: Annotated[
        str | None, typer.Option(help="Only in this batch: elsewhere the id is somebody else's.")
    ] = None,
    source: Annotated[
        list[Path] | None,
        typer.Option(help="A landed file outside of landing/ to erase the person from, too."),
    ] = None,
    readmit: Annotated[
        bool,
        typer.Option("--readmit", help="Erase nothing: let the id land again, in new records."),
    ] = False,
    dry_run: DryRun = False,
    yes: Yes = False,
    data_dir: DataDir = "data",
    as_json: AsJson = False,
) -> None:
    """Erase a person from every file of the data directory; the same file does not bring them back.

    It says what it cannot reach, such as backups.
    """
    with command(as_json) as emit:
        store = DataStore.at(data_dir)
        if readmit:
            if dry_run or batch or source:
                raise ConfigError("--readmit goes with --id alone")
            _readmit(store, custom_id)
            emit({"readmitted": True})
            return
        if not store.batch_files():
            raise ConfigError(f"no batch has been landed in {store.root}")
        if not custom_id.strip():
            raise ConfigError("--id is empty: name the custom_id of the person")
        if missing := [str(file) for file in source or [] if not file.is_file()]:
            raise ConfigError(f"{', '.join(missing)} is not a file: check --source")
        refuse_held(store, [custom_id])

        def planned(trial: bool) -> ErasurePlan:
            batches = [store.batch(batch)] if batch else store.batches()
            with tqdm(
                total=len(batches), desc="searching", unit="batches", leave=False, disable=None
            ) as bar:
                return plan_erasure(
                    *(store, custom_id, batches),
                    everywhere=batch is None,
                    sources=source or [],
                    trial=trial,
                    on_batch=bar.update,
                )

        plan = planned(trial=True)
        touched = plan.erasure.touched
        refuse_held(store, [*plan.names, *touched])
        _show(plan)
        if dry_run:
            emit({"erased": False, **plan.as_dict()})
            return
        _confirm(yes, f"Erase {sum(plan.rows.values()):,} rows and files? They cannot be restored.")
        with locked(store, touched):
            _refuse_running(store, [store.batch(name) for name in touched])
            plan = planned(trial=False)
            _refuse_new(plan, touched)
            for folder in history_folders(store).values():
                if folder.is_dir():
                    clean_folder(folder, plan.clean)
            erase(store, plan.erasure)
            write_pages_anew(store, [data_path(one) for one in plan.erasure.removed])
        emit({"erased": True, **plan.as_dict()})
        console.say("erased; `aris verify` counts the rows")


def retain(
    days: Annotated[
        int | None, typer.Option(min=0, help="Erase batches that landed more days ago.")
    ] = None,
    hold: Annotated[
        str | None, typer.Option(metavar="BATCH|ID", help="Set a legal hold: nothing of it goes.")
    ] = None,
    why: Annotated[str, typer.Option(help="Reason of the hold.")] = "",
    by: Annotated[
        str | None,
        typer.Option(help="Who sets or ends the hold; the user of this machine by default."),
    ] = None,
    release: Annotated[
        str | None, typer.Option(metavar="BATCH|ID", help="End a legal hold.")
    ] = None,
    dry_run: DryRun = False,
    yes: Yes = False,
    data_dir: DataDir = "data",
    as_json: AsJson = False,
) -> None:
    """Erase batches that are too old, but for those on legal hold; alone, list the holds."""
    with command(as_json) as emit:
        store = DataStore.at(data_dir)
        if sum(one is not None for one in (days, hold, release)) > 1:
            raise ConfigError("give one of --days, --hold and --release")
        if days is not None:
            emit(_retain_days(store, days, dry_run=dry_run, yes=yes))
            return
        kept: dict[str, object] = {}
        who = by or getpass.getuser()
        if hold is not None:
            kept["keeps"] = _hold(store, add_hold(store, hold, why, who))
        if release is not None:
            console.say(f"ended by {who}: {release_hold(store, release, who)}")
        known = all_holds(store)
        holds = [one.as_dict() for one in known if one.ended_at is None]
        ended = [one.as_dict() for one in known if one.ended_at is not None]
        emit({"holds": holds, "ended": ended, **kept})
        if hold is None and release is None:
            console.show_table(holds, title="legal holds")
            if ended:
                console.show_table(ended, title="ended")


def _hold(store: DataStore, hold: Hold) -> list[str]:
    """Says what a new hold keeps, and returns it; it may come before what it is to keep."""
    console.say(str(hold))
    kept = batches_kept_by(store, hold)
    if kept:
        console.say(f"it keeps {', '.join(kept)}")
    else:
        known = ", ".join(file.stem for file in store.batch_files()) or "none"
        console.complain(
            f"no batch and no candidate is called {hold.on!r}, so the hold keeps nothing yet; "
            f"batches: {known}. To take it back: aris retain --release {hold.on}",
            word="warning",
        )
    return kept


def _retain_days(store: DataStore, days: int, *, dry_run: bool, yes: bool) -> dict[str, object]:
    found = expired_batches(store, days)
    going = [one.batch for one in found if one.hold is None]
    result = {"batches": [one.as_dict() for one in found], "erased": False}
    if not found:
        console.say(f"no batch landed more than {days:,} days ago")
        return result
    console.show_table([one.as_dict() for one in found], title="too old")
    if dry_run or not going:
        return result
    rows = sum(one.rows_in for one in going)
    _confirm(yes, f"Erase {len(going):,} batches with {rows:,} rows? They cannot be restored.")
    _remove(store, going)
    console.say(
        f"erased {', '.join(one.name for one in going)}; backups, older versions in an object "
        "store and copies elsewhere are out of reach"
    )
    return {**result, "erased": True}


def _remove(store: DataStore, batches: list[Batch]) -> None:
    from aris_pipeline.defs.forgetting import forget_batches  # noqa: PLC0415 - Dagster loads in a second

    names = [one.name for one in batches]
    with locked(store, names):
        _refuse_running(store, batches)
        forget_batches(store.root, batches)
        remove_batches(store, names)


def _refuse_new(plan: ErasurePlan, locked: list[str]) -> None:
    """Raises an error if a batch has landed since those to lock were found."""
    if new := sorted({*plan.erasure.touched} - {*locked}):
        raise BatchBusyError(f"{', '.join(new)} landed meanwhile: purge the person again")


def _refuse_running(store: DataStore, batches: list[Batch]) -> None:
    if not dagster_home(store.root).is_dir():
        return
    from aris_pipeline.defs.forgetting import refuse_running  # noqa: PLC0415 - as above

    refuse_running(store.root, batches)


def _readmit(store: DataStore, custom_id: str) -> None:
    if not readmit_id(store.erasures, custom_id):
        raise ConfigError(f"id {custom_id!r} is not on the list of erased people: see its spelling")
    console.say(
        "new records with this id land again; the records that were erased still do not: land the "
        "file of the new application again"
    )


def _show(plan: ErasurePlan) -> None:
    rows = [{"table": name, "rows": f"{count:,}"} for name, count in plan.rows.items()]
    console.show_table(rows, title="to be erased")
    console.say(f"in batches: {', '.join(plan.erasure.batches) or 'none'}")
    for one in plan.cannot_reach:
        console.say(f"cannot reach: {one}")


def _confirm(yes: bool, question: str) -> None:
    """Asks on a terminal; elsewhere --yes must have been given."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigError("this erases for good: add --yes, or --dry-run to see what would go")
    if not typer.confirm(question, err=True):
        raise ConfigError("nothing was erased")
