"""Which judge a command shows, and what it says where nobody has judged."""

import json
from pathlib import Path

from aris_pipeline_tests.command import aris


def test_a_batch_that_is_in_quarantine_as_a_whole_does_not_ask_for_the_same_run_again(
    tmp_path: Path,
) -> None:
    file = tmp_path / "people.json"
    people = [{"aristotleId": f"p{row}", "gemData": {"title": None}} for row in range(3)]
    file.write_text(json.dumps({"candidates": people}))
    data = ("--data-dir", tmp_path / "data")
    assert aris("run", file, *data).code == 2
    (batch,) = (path.stem for path in (tmp_path / "data" / "batches").glob("*.json"))

    ended = aris("show", batch, *data)

    assert ended.code == 2
    assert "nothing of people.json could be used (3 rows in quarantine)" in ended.stderr
    assert f"`aris show {batch} --line N` says why" in ended.stderr
    assert aris("show", batch, "--line", 1, *data).code == 0
