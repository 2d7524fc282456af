from pathlib import Path

import duckdb
import pytest

from aris_pipeline.storage import DataStore, Judge, write_bytes
from aris_pipeline_tests.command import aris
from aris_pipeline_tests.tables import WITH_EVIDENCE, make_batch, write_verdicts

BATCH = make_batch(1)


@pytest.fixture
def landed(store: DataStore) -> DataStore:
    write_bytes(BATCH.model_dump_json().encode(), store.batch_file(BATCH.name))
    return store


def test_views_are_written_into_the_data_directory_and_can_be_opened(landed: DataStore) -> None:
    write_verdicts(landed, Judge("aris-swe-v2", "s"), BATCH, WITH_EVIDENCE, {"custom_id": "ada"})

    ended = aris("views", "--data-dir", landed.root, "--json")

    file = Path(ended.figures["file"])
    assert file == landed.root / "views.sql"
    assert ended.figures["views"][:2] == ["ranking", "review_queue"]
    with duckdb.connect() as connection:
        connection.execute(file.read_text())
        assert connection.execute("select custom_id from ranking").fetchall() == [("ada",)]


def test_what_is_not_judged_yet_is_said(landed: DataStore, tmp_path: Path) -> None:
    out = tmp_path / "elsewhere.sql"

    ended = aris("views", "--data-dir", landed.root, "--out", out)

    assert ended.code == 0
    assert "no files of quarantine, raw_candidates" in ended.stderr
    assert "run `aris views` again when a batch has been judged" in ended.stderr
    assert out.exists()


def test_a_directory_without_a_batch_is_refused(tmp_path: Path) -> None:
    ended = aris("views", "--data-dir", tmp_path / "typo")

    assert ended.code == 2
    assert "no batch has been landed in" in ended.stderr
    assert not (tmp_path / "typo").exists()
