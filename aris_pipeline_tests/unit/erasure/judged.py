"""Makes a data directory with a marked person, judged, labeled and exported; erases the person."""

import csv
from pathlib import Path

from aris_pipeline.storage import DataStore
from aris_pipeline_tests.command import aris
from aris_pipeline_tests.unit.erasure.marked import FILES, ID, MARK


def make_store(root: Path) -> None:
    """Runs one file through the whole chain, with what people say of it, and lands nothing else."""
    file = root / "landing" / "lines.jsonl"
    file.parent.mkdir(parents=True)
    file.write_bytes(FILES[file.name])
    data = ("--data-dir", root)
    run = aris("run", file, "--rubric", "aris-swe-v2", "--min-success", 0, *data, "--json")
    assert run.code == 0, run.stderr
    batch = run.figures["batch"]
    sheet, decisions = root / "sheet.csv", root / "decisions.csv"
    sample = ("label", "sample", batch, "--borderline", 0, "--random", 0)
    assert aris(*sample, "--out", sheet, *data).code == 0
    assert aris(*sample, "--seed", 9, "--out", root / "sheet.html", *data).code == 0
    fill(sheet)
    assert aris("label", "import", sheet, "--by", "Ann", *data).code == 0
    decisions.write_text(
        f"custom_id,decision,reason\n{ID},reject,{MARK} said\nperson-001,hold,ok\n"
    )
    assert aris("decide", "import", decisions, "--batch", batch, "--by", "Ann", *data).code == 0
    assert aris("label", "export", batch, "--out", root / "chats.jsonl", *data).code == 0
    for form in ("csv", "parquet", "xlsx", "openai"):
        assert aris("export", batch, "--format", form, *data).code == 0
    assert aris("report", batch, "--names", *data).code == 0


def fill(sheet: Path) -> None:
    with sheet.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    with sheet.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(row | {"recommendation": "Yes"} for row in rows)


def purge(store: DataStore, *more: object, code: int = 0, yes: bool = True) -> str:
    done = aris("purge", "--id", ID, *(["--yes"] if yes else []), *more, "--data-dir", store.root)
    assert done.code == code, done.stderr
    return done.stdout + done.stderr
