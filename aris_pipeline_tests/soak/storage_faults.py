"""Damage to a data directory that holds a batch, done or half done, while no run is on it.

Each fault takes the data directory and a source of chance, and returns what ends the fault, or None
where the next run has to get over it by itself. Faults of a whole disk need a disk of their own,
so they are there only for a user who may mount one.
"""

import os
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import polars as pl

from aris_pipeline.completions.parts import part_files
from aris_pipeline.storage import Completions, write_parquet

Fault = Callable[[Path, random.Random], Callable[[], None] | None]

TABLES = (
    *("landed", "quarantine", "raw_candidates", "prompts"),
    *("completions", "throughput", "evaluations", "candidate_ranking"),
)
_ROOM = 100_000
_MAY_MOUNT = 1 << 21  # CAP_SYS_ADMIN


def flip_a_bit(data: Path, rng: random.Random) -> None:
    """In any file of any table."""
    _flip(rng.choice(_files(data, *TABLES)), rng)


def truncate(data: Path, rng: random.Random) -> None:
    """Cuts the end off a file of any table."""
    file = rng.choice(_files(data, *TABLES))
    os.truncate(file, rng.randrange(file.stat().st_size))


def lose_a_shard(data: Path, rng: random.Random) -> None:
    """Removes a file of any table, as somebody who tidies up."""
    rng.choice(_files(data, *TABLES)).unlink()


def lose_a_landed_shard(data: Path, rng: random.Random) -> None:
    """Removes what landing wrote, which only the landed file itself can bring back."""
    rng.choice(_files(data, "landed")).unlink()


def lose_a_part(data: Path, rng: random.Random) -> None:
    """Puts a shard back to where a killed run leaves it, and removes one of its part files."""
    rng.choice(_uncompleted(data, rng)).unlink()


def flip_a_bit_of_a_part(data: Path, rng: random.Random) -> None:
    """Puts a shard back to where a killed run leaves it, and damages one of its part files."""
    _flip(rng.choice(_uncompleted(data, rng)), rng)


def damage_the_manifest(data: Path, rng: random.Random) -> None:
    """A bit of it, all that is behind some place, or the whole of it."""
    (file,) = data.glob("batches/*.json")
    match rng.randrange(3):
        case 0:
            _flip(file, rng)
        case 1:
            os.truncate(file, rng.randrange(file.stat().st_size))
        case _:
            file.unlink()


def damage_the_history(data: Path, rng: random.Random) -> Callable[[], None]:
    """Spoils one of Dagster's databases; ends when the directory is moved away."""
    home = data / ".dagster"
    database = home / "history" / rng.choice(["runs.db", "runs/index.db"])
    database.write_bytes(rng.randbytes(database.stat().st_size))
    return lambda: shutil.rmtree(home)


def leave_temporary_files(data: Path, rng: random.Random) -> None:
    """What writers leave that are killed at work."""
    for place in (data, data / ".work", data / "batches"):
        name = f".completions.parquet.{rng.randbytes(4).hex()}.aris.tmp"
        (place / name).write_bytes(rng.randbytes(rng.randrange(5_000)))


def block_a_table(data: Path, rng: random.Random) -> Callable[[], None]:
    """Puts a file where a table's directory belongs: root, too, cannot write there."""
    table = data / rng.choice([name for name in TABLES if (data / name).exists()])
    aside = table.with_name(f"{table.name}-aside")
    table.rename(aside)
    table.write_text("in the way")

    def end() -> None:
        table.unlink()
        aside.rename(table)

    return end


def fill_the_disk(data: Path, rng: random.Random) -> Callable[[], None]:
    """Leaves a little room, so that some files still fit."""
    end = on_own_disk(data, room=10 * _ROOM)
    free = shutil.disk_usage(data).free
    (data / "ballast").write_bytes(bytes(free - rng.randrange(min(free, 10 * _ROOM))))

    def free_the_disk() -> None:
        (data / "ballast").unlink()
        end()

    return free_the_disk


def make_the_disk_read_only(data: Path, _: random.Random) -> Callable[[], None]:
    """As the kernel does with a disk that has errors."""
    end = on_own_disk(data, room=_ROOM)
    _mount("-o", "remount,ro", str(data))

    def make_it_writable() -> None:
        _mount("-o", "remount,rw", str(data))
        end()

    return make_it_writable


def may_mount() -> bool:
    """Whether this process may mount file systems."""
    status = Path("/proc/self/status").read_text()
    effective = status.partition("CapEff:")[2].split()[0]
    return bool(int(effective, 16) & _MAY_MOUNT)


def on_own_disk(data: Path, room: int) -> Callable[[], None]:
    """Moves a directory to a small disk of its own, with `room` bytes to spare, until it ends."""
    data.mkdir(parents=True, exist_ok=True)
    aside = data.with_name(f"{data.name}-aside")
    data.rename(aside)
    data.mkdir()
    pages = sum(file.lstat().st_size // 4096 + 2 for file in aside.rglob("*"))
    _mount("-t", "tmpfs", "-o", f"size={pages * 4096 + room}", "tmpfs", str(data))
    shutil.copytree(aside, data, symlinks=True, dirs_exist_ok=True)

    def end() -> None:
        shutil.rmtree(aside)
        shutil.copytree(data, aside, symlinks=True)
        subprocess.run(["umount", str(data)], check=True)
        data.rmdir()
        aside.rename(data)

    return end


FAULTS: dict[str, Fault] = {
    "flipped_bit": flip_a_bit,
    "truncated_file": truncate,
    "lost_shard": lose_a_shard,
    "lost_landed_shard": lose_a_landed_shard,
    "lost_part": lose_a_part,
    "flipped_bit_of_a_part": flip_a_bit_of_a_part,
    "damaged_manifest": damage_the_manifest,
    "damaged_history": damage_the_history,
    "temporary_files": leave_temporary_files,
    "blocked_table": block_a_table,
}
if may_mount():
    FAULTS |= {"full_disk": fill_the_disk, "read_only_disk": make_the_disk_read_only}


def _files(data: Path, *tables: str) -> list[Path]:
    return [file for table in tables for file in sorted(data.glob(f"{table}/**/*.parquet"))]


def _flip(file: Path, rng: random.Random) -> None:
    content = bytearray(file.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    file.write_bytes(content)


def _uncompleted(data: Path, rng: random.Random) -> list[Path]:
    """Makes part files of a completions file; of a batch without any, returns its prompts."""
    completions = _files(data, "completions")
    if not completions:
        return _files(data, "prompts")
    file = rng.choice(completions)
    rows = pl.read_parquet(file, hive_partitioning=False)
    parts = data / ".work" / file.parent.relative_to(data)
    for number, part in enumerate(rows.iter_slices(max(rows.height // 3, 1))):
        write_parquet(part, parts / f"part-{number:032x}.parquet", Completions)
    file.unlink()
    return part_files(parts)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)
