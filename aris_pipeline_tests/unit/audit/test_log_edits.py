"""Whatever somebody does to the files of a log is found."""

import json

import polars as pl
import pytest

from aris_pipeline.audit import ERASED, ERASURE, VERDICT, open_log
from aris_pipeline.audit.hash_chain import CONTENT
from aris_pipeline_tests.command import aris
from aris_pipeline_tests.unit.audit.log_edits import EDITS, Editor, flip_byte
from aris_pipeline_tests.unit.audit.logged import JUDGE, Logged

ONLY_BY_THE_HEAD = {"forged_chain", "removed_and_chained", "cut_tail"}


def test_of_a_hundred_random_edits_all_are_found(grown: Logged) -> None:
    kept = grown.verify().head.hash
    files = {file: file.read_bytes() for file in grown.folder.iterdir()}
    missed, only_by_head, unnamed = [], set(), []
    for seed in range(100):
        made = EDITS[seed % len(EDITS)]
        edit = Editor(grown, seed)
        made(edit)
        if made.__name__ not in ("changed_head", "removed_head"):
            edit.write()
        found = grown.verify(kept)
        if found.fault is None:
            only_by_head.add(made.__name__)
            if kept in found.anchors:
                missed.append((seed, made.__name__))
        elif not found.fault.file or not found.fault.field:
            unnamed.append(seed)
        for file, content in files.items():
            file.write_bytes(content)

    assert missed == []
    assert unnamed == []
    assert only_by_head <= ONLY_BY_THE_HEAD
    assert grown.verify(kept).fault is None


def test_a_flipped_bit_is_found(grown: Logged) -> None:
    before = grown.files[1].read_bytes()
    for seed in range(10):
        flip_byte(grown.files[1], seed)
        fault = grown.verify().fault
        assert fault is not None
        assert fault.file == str(grown.files[1])
        grown.files[1].write_bytes(before)


def test_the_first_fault_is_named_with_file_row_and_field(grown: Logged) -> None:
    edit = Editor(grown, 1)
    edit.rows[1][1]["score"] = 4.0
    edit.rows[2][0]["score"] = 4.0
    edit.write()

    fault = grown.verify().fault

    assert str(fault).startswith(
        f"{grown.files[1]}, row 8, content_hash: the content of the row is not what was logged"
    )


def test_a_log_in_the_place_of_another_is_found(grown: Logged) -> None:
    other = Editor(grown, 1)
    for row in (row for part in other.rows for row in part):
        row["batch"] = "another"
    other.chain_anew()
    other.write()
    other.write_head()

    assert grown.verify().fault is not None


def erase(grown: Logged, who: str, *, witnessed: int = 3, empties: int = 3) -> None:
    """Does what an erasure does: it witnesses, then empties each row."""
    hashed = f"{ERASED}5e"
    with open_log(grown.store, JUDGE, grown.batch.name) as log:
        if witnessed:
            log.append(
                pl.DataFrame(
                    {"custom_id": [hashed], "status": ["erased"], "erased_rows": [witnessed]}
                ),
                ERASURE,
            )
    edit = Editor(grown, 1)
    for row in [row for part in edit.rows for row in part if row["custom_id"] == who][:empties]:
        row.update(dict.fromkeys(CONTENT) | {"custom_id": hashed})
    edit.write()


def test_a_list_of_entries_says_that_one_was_changed(grown: Logged) -> None:
    edit = Editor(grown, 1)
    edit.rows[0][0]["score"] = 0.5
    edit.write()

    listed = aris("audit", "log", grown.batch.name, "--data-dir", grown.store.root)

    assert "the hashes of row 1 do not fit: somebody has changed it" in listed.stderr
    assert listed.code == 1


def test_an_erased_candidate_is_no_fault_if_a_later_row_witnesses_it(grown: Logged) -> None:
    ids = ({"custom_id": f"c{n}", "request_key": f"k{n}"} for n in range(len(grown.rows)))
    grown.rows = [one | row for one, row in zip(ids, grown.rows, strict=True)][1:]
    erase(grown, "c0")

    assert grown.log().added == 0
    found = grown.verify()
    assert (found.fault, found.erased) == (None, 3)
    assert "c0" not in grown.read()["custom_id"]
    listed = aris("audit", "log", grown.batch.name, "--data-dir", grown.store.root).stdout
    assert listed.count("erased ") == 4
    assert "3 rows" in listed


@pytest.mark.parametrize(
    ("witnessed", "empties", "says"),
    [
        (0, 3, "3 rows of erased:5e are empty, and later erasures name 0: restore"),
        (2, 3, "3 rows of erased:5e are empty, and later erasures name 2: restore"),
        (3, 2, "2 rows of erased:5e are empty, and later erasures name 3: run the stopped"),
    ],
)
def test_an_erasure_and_its_witness_must_agree(
    grown: Logged, witnessed: int, empties: int, says: str
) -> None:
    erase(grown, "c0", witnessed=witnessed, empties=empties)

    assert says in str(grown.verify().fault)


def test_a_row_that_is_emptied_and_younger_than_its_witness_is_a_fault(grown: Logged) -> None:
    erase(grown, "c0", witnessed=4)
    with open_log(grown.store, JUDGE, grown.batch.name) as log:
        log.append(pl.DataFrame({"custom_id": ["c9"], "status": ["evaluated"]}), VERDICT)
    edit = Editor(grown, 1)
    edit.rows[-1][0].update(dict.fromkeys(CONTENT) | {"custom_id": f"{ERASED}5e"})
    edit.write()

    assert "4 rows of erased:5e are empty" in str(grown.verify().fault)


def test_a_row_that_only_looks_erased_is_a_fault(grown: Logged) -> None:
    erase(grown, "c0")
    edit = Editor(grown, 1)
    edit.rows[0][0]["score"] = 4.0
    edit.write()

    fault = grown.verify().fault

    assert fault is not None
    assert (fault.sequence, fault.field) == (1, "salt")


def test_a_head_that_is_no_json_is_a_fault(grown: Logged) -> None:
    (grown.folder / "head.json").write_text(json.dumps([1]))

    assert "head.json" in str(grown.verify().fault)
