import json
from pathlib import Path
from statistics import mean
from typing import Any

import pytest

from aris_pipeline.candidates import FORMATS, ShardCounts, land_file, write_synthetic
from aris_pipeline.errors import StorageError

from .conftest import DAY, Desk

EXTENSIONS = {"aris": "json", "openai": "jsonl"}
SAMPLE = Path(__file__).parents[3] / "data" / "sample" / "candidates-40.json"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("source_format", FORMATS)
def test_every_format_lands_and_validates_completely(desk: Desk, source_format: str) -> None:
    path = desk.files / f"synthetic.{EXTENSIONS.get(source_format, source_format)}"
    write_synthetic(300, 1, source_format, path)
    batch = land_file(desk.store, path, on=DAY)
    assert (batch.format, batch.rows_in, batch.quarantined) == (source_format, 300, 0)
    assert desk.validate(batch) == [ShardCounts(300, 0)]
    assert not any(row["repaired"] for row in desk.candidates(batch))


def test_the_same_seed_gives_the_same_file_and_another_seed_another(tmp_path: Path) -> None:
    first, second, other = (tmp_path / name for name in ("a.jsonl", "b.jsonl", "c.jsonl"))
    write_synthetic(50, 1, "jsonl", first)
    write_synthetic(50, 1, "jsonl", second)
    write_synthetic(50, 2, "jsonl", other)
    assert first.read_bytes() == second.read_bytes() != other.read_bytes()


def test_strength_shows_in_the_career_and_never_in_the_profile(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write_synthetic(1000, 3, "jsonl", path)
    engineers: dict[bool, list[bool]] = {True: [], False: []}
    for record in lines(path):
        strength = record["praxisData"]["synthetic_strength"]
        assert 0 <= strength <= 1
        assert "strength" not in json.dumps(record["gemData"])
        engineers[strength > 0.5].append("Engineer" in (record["gemData"]["title"] or ""))
    assert mean(engineers[True]) > mean(engineers[False]) + 0.3


def test_profiles_are_varied_and_about_900_characters_long(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write_synthetic(500, 3, "openai", path)
    texts = [record["body"]["messages"][1]["content"] for record in lines(path)]
    assert 750 < mean(len(text) for text in texts) < 1050
    assert len(set(texts)) == 500
    assert any("example.com" in text and "555-01" in text for text in texts)
    assert any(not text.isascii() for text in texts)


def test_the_bundled_sample_is_what_the_generator_makes(tmp_path: Path) -> None:
    again = tmp_path / "candidates-40.json"
    write_synthetic(40, 7, "aris", again)
    assert json.loads(SAMPLE.read_bytes()) == json.loads(again.read_bytes())


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("no directory")

    with pytest.raises(StorageError, match=f"{in_the_way} is in the way"):
        write_synthetic(1, 1, "aris", in_the_way / "candidates.json")
