"""Files with random faults: nothing but `InputError` is raised, and no record is lost."""

import tempfile
from pathlib import Path
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aris_pipeline.candidates import FORMATS, LandingOptions, land_file, validate_shard
from aris_pipeline.candidates.formats import open_reader
from aris_pipeline.errors import InputError
from aris_pipeline.storage import DataStore, Shard
from aris_pipeline_tests.soak.encoded_files import ENDINGS as TEXT_ENDINGS
from aris_pipeline_tests.soak.encoded_files import TEXTS
from aris_pipeline_tests.soak.faulty_files import ENDINGS, write_faulty
from aris_pipeline_tests.soak.fuzz import FuzzOutcome, fuzz
from aris_pipeline_tests.soak.fuzz_encodings import fuzz_encoding

from .test_aris import candidate

OPTIONS = LandingOptions(max_row_bytes=10_000)

seeds = st.integers(0, 2**32)
edits = st.lists(
    st.tuples(st.floats(0, 1), st.integers(0, 40), st.binary(max_size=20)), min_size=1, max_size=6
)
json_like = st.text(st.sampled_from('{}[]",:\\ \n\t0-9.eEtrufalsnx\x00\u00e9'), max_size=40)


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=5, deadline=None)
@given(seed=seeds)
def test_every_record_of_a_faulty_file_is_accounted_for_on_its_line(form: str, seed: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        outcome = fuzz(form, 60, seed, Path(directory))
    assert outcome.is_clean, outcome
    assert outcome.landed > 30


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=10, deadline=None)
@given(edits=edits, seed=seeds)
def test_a_damaged_file_is_refused_or_read_to_its_end(
    form: str, edits: list[tuple[float, int, bytes]], seed: int
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = write_faulty(form, 12, Random(seed), Path(directory)).path
        content = path.read_bytes()
        for place, length, replacement in edits:
            at = int(place * len(content))
            content = content[:at] + replacement + content[at + length :]
        path.write_bytes(content)
        _land(path, form)


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=10, deadline=None)
@given(content=st.binary(max_size=300) | json_like.map(str.encode))
def test_any_bytes_are_refused_or_read(form: str, content: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / f"any{ENDINGS[form]}"
        path.write_bytes(content)
        _land(path, form)


@settings(max_examples=60, deadline=None)
@given(junk=json_like)
@example(junk="{}:")
@example(junk='{"a": 1}, ]')
def test_candidates_behind_any_junk_are_read(junk: str) -> None:
    parts = [candidate("a"), junk, candidate("b"), candidate("c")]
    for frame in ('{"candidates": [...\n]}', "[...]"):
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "a.json"
            path.write_text(frame.replace("...", ",\n".join(parts)), encoding="utf-8")
            ids = [entry.custom_id for entry in open_reader(path, FORMATS["aris"], OPTIONS).read()]
        assert [key for key in ids if key in ("a", "b", "c")] == ["a", "b", "c"]


def test_equal_seeds_break_the_same_records(tmp_path: Path) -> None:
    def run(name: str) -> FuzzOutcome:
        (tmp_path / name).mkdir()
        return fuzz("csv", 200, 7, tmp_path / name)

    first, second = run("first"), run("second")
    assert (first.landed, first.quarantined) == (second.landed, second.quarantined)


def _land(path: Path, form: str) -> None:
    store = DataStore(path.parent / "data")
    try:
        batch = land_file(store, path, OPTIONS.model_copy(update={"format": form}))
    except InputError:
        return
    counts = [validate_shard(store, shard) for shard in Shard.all_of(batch)]
    assert sum(one.rows + one.quarantined for one in counts) == sum(batch.shard_rows)


@pytest.mark.parametrize("encoding", ["mixed", *TEXTS])
@pytest.mark.parametrize("form", TEXT_ENDINGS)
def test_no_text_in_any_encoding_comes_out_as_another(
    form: str, encoding: str, tmp_path: Path
) -> None:
    lines = 600 if encoding == "mixed" else 60
    outcome = fuzz_encoding(form, encoding, lines, 7, tmp_path)
    assert outcome.is_clean, outcome
    assert outcome.refused == (encoding != "mixed")
