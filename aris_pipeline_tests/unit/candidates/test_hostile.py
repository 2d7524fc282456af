"""Records and names made to break the reader: each is quarantined or refused, alone."""

import json
import re
import tracemalloc
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aris_pipeline.candidates import ShardCounts, land_file
from aris_pipeline.errors import InputError
from aris_pipeline.storage import Shard

from .conftest import DAY, Desk
from .test_aris import candidate
from .test_json_lines import request

MB = 1_000_000


def usable(desk: Desk, text: str | bytes, name: str = "a.jsonl") -> list[str]:
    """Lands and validates a file, and returns the ids of what can be used."""
    batch = desk.land(name, text)
    desk.validate(batch)
    return [row["custom_id"] for row in desk.candidates(batch)]


def refused(desk: Desk, record: str | bytes) -> dict[str, Any]:
    """The quarantined row that a line becomes, between two good ones."""
    raw = record.encode() if isinstance(record, str) else record
    good = [b'{"id": "before", "title": "x"}', b'{"id": "after", "title": "x"}']
    batch = desk.land("a.jsonl", b"\n".join([good[0], raw, good[1]]))
    desk.validate(batch)
    assert [row["custom_id"] for row in desk.candidates(batch)] == ["before", "after"]
    (row,) = desk.landing_quarantine(batch) + desk.quarantine(batch)
    assert row["line"] == 2
    return row


# Keys


@pytest.mark.parametrize(
    ("record", "field"),
    [
        ('{"id": "a", "title": "Cook", "title": "CTO"}', "title"),
        ('{"id": "a", "id": "b", "title": "x"}', "id"),
        ('{"aristotleId": "a", "gemData": {"title": "x"}, "gemData": {}}', "gemData"),
        ('{"aristotleId": "a", "gemData": {"work_info": [{"title": 1, "title": 2}]}}', "title"),
    ],
)
def test_a_used_field_with_two_values_is_quarantined(desk: Desk, record: str, field: str) -> None:
    row = refused(desk, record)
    assert (row["rule"], row["field"], row["raw"]) == ("duplicate_key", field, record)


def test_a_field_twice_with_one_value_or_of_no_use_does_no_harm(desk: Desk) -> None:
    lines = [
        '{"id": "a", "title": "x", "title": "x"}',
        '{"id": "b", "title": "x", "swarmData": {"stars": 1, "stars": 2}}',
    ]
    assert usable(desk, "\n".join(lines)) == ["a", "b"]


def test_any_key_of_a_request_with_two_values_is_quarantined(desk: Desk) -> None:
    twice = request("b").replace('"model"', '"temperature": 0, "temperature": 1, "model"')
    batch = desk.land("a.jsonl", f"{request('a')}\n{twice}")
    assert desk.validate(batch) == [ShardCounts(1, 1)]
    (row,) = desk.quarantine(batch)
    assert (row["rule"], row["field"], row["line"]) == ("duplicate_key", "temperature", 2)


def test_a_repeated_key_that_is_no_text_can_be_quarantined(desk: Desk) -> None:
    line = request("b").replace('"model"', '"\\ud800": 0, "\\ud800": 1, "model"')
    batch = desk.land("a.jsonl", f"{request('a')}\n{line}")
    desk.validate(batch)
    assert desk.quarantine(batch)[0]["field"] == "?"


# Numbers and nesting


def test_numbers_that_json_does_not_have_are_null(desk: Desk) -> None:
    line = '{"id": "a", "title": "x", "company": 1e999, "rank": -1e999, "n": NaN, "m": Infinity}'
    batch = desk.land("a.jsonl", line)
    desk.validate(batch)
    (row,) = desk.candidates(batch)
    assert row["company"] is None
    assert row["extra"] is None


def test_a_number_of_ten_thousand_digits_is_quarantined(desk: Desk) -> None:
    assert refused(desk, '{"id": "a", "title": ' + "9" * 10_000 + "}")["rule"] == "malformed_json"


def test_a_long_number_where_text_is_expected_is_text(desk: Desk) -> None:
    batch = desk.land("a.jsonl", '{"id": "a", "title": ' + "9" * 4_000 + "}")
    desk.validate(batch)
    assert desk.candidates(batch)[0]["title"] == "9" * 4_000


@pytest.mark.parametrize("levels", [70, 900, 100_000])
def test_a_record_nested_too_deeply_is_quarantined(desk: Desk, levels: int) -> None:
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        nested = opening * levels + "1" + closing * levels
        row = refused(desk, f'{{"id": "a", "title": "x", "deep": {nested}}}')
        assert row["rule"] == "malformed_json"
        assert "nested" in row["message"]


def test_a_request_nested_too_deeply_does_not_reach_the_stages_that_recurse(desk: Desk) -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(40):
        schema = {"type": "object", "properties": {"a": schema}}
    response_format = {"type": "json_schema", "json_schema": {"schema": schema}}
    body = json.loads(request("b"))["body"] | {"response_format": response_format}
    batch = desk.land("a.jsonl", request("a") + "\n" + request("b", body=body))
    assert desk.validate(batch) == [ShardCounts(1, 1)]


def test_a_text_that_holds_many_brackets_is_not_nested(desk: Desk) -> None:
    assert usable(desk, json.dumps({"id": "a", "title": "x", "resume_text": "[{" * 500})) == ["a"]


# Bytes


@pytest.mark.parametrize(
    "record",
    [b'{"id": "a"\x00}', b"\x00", b"\xff\xfe\xfd", b'{"id": "a", "title": "x\xed\xa0\x80', b"]"],
)
def test_bytes_that_are_no_text_cost_only_their_line(desk: Desk, record: bytes) -> None:
    assert refused(desk, record)["rule"] in ("malformed_json", "not_an_object")


def test_control_characters_and_lone_surrogates_in_texts_are_stored(desk: Desk) -> None:
    line = '{"id": "a", "title": "x\x00\x1b", "skills": ["\\ud800"], "company": "\\u0000"}'
    assert usable(desk, line) == ["a"]


def test_half_a_surrogate_pair_in_a_key_is_quarantined(desk: Desk) -> None:
    assert refused(desk, '{"id": "a", "title": "x", "\\udfff": 1}')["rule"] == "wrong_type"


@pytest.mark.parametrize("ending", ["jsonl", "json", "csv", "parquet"])
@pytest.mark.parametrize("content", [b"\xef\xbb\xbf", b" \n\t\r\n ", b"\x00" * 100, b"\n" * 70_000])
def test_a_file_of_nothing_is_refused(desk: Desk, ending: str, content: bytes) -> None:
    with pytest.raises(InputError, match=rf"a\.{ending} "):
        desk.land(f"a.{ending}", content)
    assert desk.store.batches() == []


# Size


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "head", "tail"),
    [
        ("a.jsonl", '{"id":"a"}\n{"id":"', '"}\n{"id":"c"}'),
        ("a.json", '[{"aristotleId":"a"},\n{"aristotleId":"', '"},\n{"aristotleId":"c"}]'),
        ("a.csv", 'id,Resume\na,x\nb,"', '"\nc,x\n'),
    ],
)
@pytest.mark.parametrize("filling", ["[", '""'], ids=["brackets", "quotes"])
def test_a_record_of_thirty_megabytes_is_read_in_little_memory(
    desk: Desk, name: str, head: str, tail: str, filling: str
) -> None:
    path = desk.file(name, head + filling * (30 * MB // len(filling)) + tail)
    tracemalloc.start()
    batch = land_file(desk.store, path, on=DAY)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 25 * MB
    assert batch.rows_in == 3
    assert desk.ids(batch) == ["a", "c"]
    assert [rule for _, rule in desk.rules(batch)] == ["over_size"]


def test_a_file_full_of_malformed_candidates_is_not_searched_again_for_each(desk: Desk) -> None:
    broken = '{"aristotleId": "b", "gemData": {"title": "not closed}'
    parts = [broken if number % 2 else candidate(f"c{number}") for number in range(4_000)]
    batch = desk.land("a.json", f"[{', '.join([*parts, candidate('last')])}]")
    assert (batch.rows_in, batch.quarantined) == (4_001, 2_000)


@pytest.mark.parametrize(
    "blank", ["]" + "\n" * 300_000, "nul" + " " * 300_000, "{" + "\n" * 300_000, ","]
)
def test_white_space_without_end_does_not_stop_the_reader(desk: Desk, blank: str) -> None:
    text = f'[{{"aristotleId": "a"}}, {blank}, {{"aristotleId": "b"}}]'
    assert desk.ids(desk.land("a.json", text)) == ["a", "b"]


# Candidates behind a broken one


@pytest.mark.parametrize(
    "broken",
    [
        '{"aristotleId": "bad", "skills": ["a"',
        '{"aristotleId": "bad", "skills": [["a"',
        "[1",
        '"',
        '"abc',
        "0000000",
        "]}",
        "}",
        ":",
        '"key": 1',
        "\\",
    ],
)
@pytest.mark.parametrize("frame", ['{"candidates": [...\n]}', "[...]"])
def test_a_broken_candidate_does_not_swallow_those_behind_it(
    desk: Desk, broken: str, frame: str
) -> None:
    parts = [candidate("a"), broken, candidate("b"), candidate("c")]
    batch = desk.land("a.json", frame.replace("...", ",\n".join(parts)))
    assert desk.ids(batch) == ["a", "b", "c"]
    assert batch.quarantined >= 1


def test_candidates_inside_a_candidate_belong_to_it(desk: Desk) -> None:
    merged = '{"aristotleId": "a", "merged": [\n{"aristotleId": "in"}]}'
    batch = desk.land("a.json", f'[{merged}, {{"aristotleId": "b"}}]')
    assert (desk.ids(batch), batch.quarantined) == (["a", "b"], 0)


def test_an_open_quote_costs_only_its_row_where_some_rows_have_quotes_and_some_have_none(
    desk: Desk,
) -> None:
    text = 'id,Resume,note\n1,a,b\n2,"open,b\n3,c,d\n4,e\n5,f,g\n6,"h\ni",j\n7,k,l\n'
    batch = desk.land("a.csv", text)
    assert desk.ids(batch) == ["1", "3", "5", "6", "7"]
    assert desk.rules(batch) == [(3, "malformed_row"), (5, "malformed_row")]


# Ids


@pytest.mark.parametrize(
    "key", ["../../etc/passwd", "a\nb", "<script>", "x" * 5_000, "=cmd()", "\x1b[31m"]
)
def test_an_id_of_any_form_stays_an_id(desk: Desk, key: str) -> None:
    line = json.dumps({"id": key, "title": "x"})
    batch = desk.land("a.jsonl", f"{line}\n{line}")
    desk.validate(batch)
    assert [row["custom_id"] for row in desk.candidates(batch)] == [key]
    assert sorted(path.name for path in desk.store.root.iterdir()) == sorted(
        {".work", "batches", "landed", "quarantine", "raw_candidates"}
    )
    message = desk.landing_quarantine(batch)[0]["message"]
    assert len(message) < 250
    assert message.isprintable()


# Names


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (".hidden.jsonl", "hidden"),
        ("..jsonl.jsonl", "jsonl"),
        ("<img src=x>.jsonl", "img-src-x"),
        ("$(reboot);'\".jsonl", "reboot"),
        ("a|b&c*?.jsonl", "a-b-c"),
        ("z" * 249 + ".jsonl", "z" * 80),
        ("名" * 80 + ".jsonl", "batch"),
        ("\u00a0\u00a0.jsonl", "batch"),
        ("....s001.jsonl", "s001"),
    ],
)
def test_a_batch_has_a_plain_name_whatever_the_file_is_called(
    desk: Desk, name: str, expected: str
) -> None:
    batch = desk.land(name, '{"id": "a", "title": "x"}')
    assert batch.name == f"2026-11-21_{expected}"
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", batch.name)
    assert Shard.parse(Shard.numbered(batch.name, 0).key).batch == batch.name
    assert desk.validate(batch) == [ShardCounts(1, 0)]


@pytest.mark.parametrize("name", ["a\nb.csv", "\x1b[31m.csv", "a\u202evsc.csv", "a\udcff.csv"])
def test_a_file_with_control_characters_in_its_name_is_refused(desk: Desk, name: str) -> None:
    path = desk.file(name, "id,Resume\n1,x\n")
    with pytest.raises(InputError, match="rename it") as error:
        land_file(desk.store, path, on=DAY)
    assert str(error.value).isprintable()


def test_a_path_too_long_for_any_file_is_refused(desk: Desk) -> None:
    with pytest.raises(InputError, match="is not a file"):
        land_file(desk.store, Path("x" * 300 + ".csv"))


# What of a file is repeated in a message


def test_a_table_without_a_header_line_does_not_show_its_first_row(desk: Desk) -> None:
    with pytest.raises(InputError, match="line with the names missing") as error:
        desk.land("a.csv", 'Jane Doe,jane@example.org,"Engineer at Acme, ten years"\n')
    assert "Jane" not in str(error.value)


def test_what_stands_before_the_candidates_is_not_shown(desk: Desk) -> None:
    for text in ('{"Jane Doe, +1 555": {}, "x": 1}', '{"Jane Doe" 1}', "{[[[["):
        with pytest.raises(InputError) as error:
            desk.land("a.json", text)
        assert "Jane" not in str(error.value)


def test_brackets_in_the_place_of_a_key_are_refused(desk: Desk) -> None:
    with pytest.raises(InputError, match="malformed before its candidates: it is nested"):
        desk.land("a.json", "{" + "[" * 100_000)


# Parquet


def parquet(desk: Desk, columns: dict[str, Any]) -> Path:
    path = desk.files / "a.parquet"
    pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize(
    ("odd", "kept"),
    [
        (pa.array([2**31 - 1], pa.date32()), 2**31 - 1),
        (pa.array([2**62], pa.timestamp("us")), 2**62),
        (pa.array([b"Caf\xe9"], pa.binary()).view(pa.string()), "Café"),
        (pa.array([[("a", 1), ("a", 2)]], pa.map_(pa.string(), pa.int8())), [["a", 1], ["a", 2]]),
        (
            pa.array([{"on": [2**31 - 1]}], pa.struct([("on", pa.list_(pa.date32()))])),
            {"on": [2**31 - 1]},
        ),
    ],
    ids=["date beyond the calendar", "time beyond it", "text not in UTF-8", "key twice", "nested"],
)
def test_a_value_that_python_has_no_like_of_is_kept_as_it_is_stored(
    desk: Desk, odd: pa.Array, kept: object
) -> None:
    others = pa.nulls(1, odd.type)
    column = pa.concat_arrays([others, odd, others])
    path = parquet(desk, {"id": ["a", "b", "c"], "Resume": ["x", "y", "z"], "other": column})
    batch = land_file(desk.store, path, on=DAY)
    desk.validate(batch)
    assert desk.ids(batch) == ["a", "b", "c"]
    assert json.loads(desk.candidates(batch)[1]["extra"]) == {"other": kept}


def test_columns_of_one_name_are_told_apart(desk: Desk) -> None:
    path = desk.files / "a.parquet"
    columns = [pa.array(["first"]), pa.array(["second"])]
    pq.write_table(pa.table(columns, names=["Resume", "Resume"]), path)
    batch = land_file(desk.store, path, on=DAY)
    desk.validate(batch)
    (row,) = desk.candidates(batch)
    assert (row["resume_text"], row["extra"]) == ("first", '{"Resume_2": "second"}')


def test_numbers_that_are_none_and_dates_are_read(desk: Desk) -> None:
    columns = {"id": ["a"], "Resume": ["x"], "n": [float("nan")], "i": [float("inf")]}
    path = parquet(desk, columns | {"day": [date(2026, 1, 2)]})
    batch = land_file(desk.store, path, on=DAY)
    desk.validate(batch)
    assert json.loads(desk.candidates(batch)[0]["extra"]) == {"day": "2026-01-02"}


def test_a_model_name_that_is_none_is_quarantined(desk: Desk) -> None:
    body = json.loads(request("b"))["body"]
    lines = [request("a"), *(request("b", body=body | {"model": m}) for m in ("\ud800", "x" * 300))]
    batch = desk.land("a.jsonl", "\n".join(lines))
    assert batch.requested_models == ["gemma3:12b"]
    assert {row["field"] for row in desk.landing_quarantine(batch)} == {"body.model"}
