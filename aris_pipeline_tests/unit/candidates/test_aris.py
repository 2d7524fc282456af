import json

import pytest

from aris_pipeline.candidates.formats import json_window
from aris_pipeline.errors import InputError

from .conftest import Desk


def candidate(custom_id: str, title: str = "Engineer") -> str:
    return json.dumps({"aristotleId": custom_id, "gemData": {"title": title}})


def export(*candidates: str, separator: str = ",\n") -> str:
    metadata = json.dumps({"batchSize": 3, "domain": "x", "list": [{"aristotleId": "no"}]})
    return f'{{"metadata": {metadata},\n "candidates": [\n{separator.join(candidates)}\n]}}'


@pytest.fixture(params=[64, 4 * 1024 * 1024], ids=["tiny chunks", "one chunk"])
def chunk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_window, "_CHUNK", request.param)


pytestmark = pytest.mark.usefixtures("chunk")


def test_candidates_land_with_their_number_and_their_raw_text(desk: Desk) -> None:
    batch = desk.land("export.json", export(candidate("a"), candidate("b")))
    assert (batch.format, batch.shard_rows, batch.quarantined) == ("aris", [2], 0)
    rows = desk.landed(batch)
    assert [(row["custom_id"], row["line"], row["file"]) for row in rows] == [
        ("a", 1, "export.json"),
        ("b", 2, "export.json"),
    ]
    assert rows[0]["record"] == candidate("a")


def test_a_bare_array_of_candidates_is_accepted(desk: Desk) -> None:
    batch = desk.land("export.json", f"[{candidate('a')}, {candidate('b')}]")
    assert desk.ids(batch) == ["a", "b"]


@pytest.mark.parametrize(
    "broken",
    [
        '{"aristotleId": "bad", "gemData": {"title": }}',
        '{"aristotleId": "bad", "gemData": {"title": "a",}}',
        '{"aristotleId": "bad", "gemData": {"title": "5" disk"}}',
        '{"aristotleId": "bad", "gemData": {"title": "not closed}',
        '{"aristotleId": "bad", "gemData": {"title": "Engineer"',
        '{"aristotleId": "bad", "gemData": {\'title\': "x"}}',
        '{"aristotleId": "bad", "gemData": {"text": "he said "{[" to me"}}',
        '{"aristotleId": "bad", "gemData": {"skills": ["a", "b"}}',
        '{"aristotleId": "bad", "deep": ' + "[" * 100_000 + "]" * 100_000 + "}",
    ],
    ids=lambda text: text[24:60],
)
def test_one_malformed_candidate_is_quarantined_and_all_after_it_are_read(
    desk: Desk, broken: str
) -> None:
    batch = desk.land("export.json", export(candidate("a"), broken, candidate("c"), candidate("d")))
    assert desk.ids(batch) == ["a", "c", "d"]
    assert desk.rules(batch) == [(2, "malformed_json")]
    quarantined = desk.landing_quarantine(batch)[0]
    assert quarantined["custom_id"] == "bad"
    assert quarantined["raw"] == broken[: 64 * 1024]


def test_a_malformed_candidate_does_not_take_along_a_neighbor_without_an_id(desk: Desk) -> None:
    broken, nameless = '{"aristotleId": "bad", "x": }', '{"gemData": {}}'
    batch = desk.land("export.json", export(broken, nameless, candidate("c")))
    assert desk.ids(batch) == ["c"]
    assert desk.rules(batch) == [(1, "malformed_json"), (2, "missing_id")]


def test_what_may_be_a_part_of_a_malformed_candidate_is_none_itself(desk: Desk) -> None:
    broken = '{"aristotleId": "bad", "gemData": {"about": "5" disk", "work_info": ['
    parts = ['{"id": 7, "title": "Cook"}', '{"title": "Waiter"}']
    batch = desk.land("export.json", export(candidate("a"), broken + ", ".join(parts) + "]}"))
    assert desk.ids(batch) == ["a"]
    assert {rule for _, rule in desk.rules(batch)} <= {"malformed_json", "missing_id"}


def test_a_file_that_is_cut_off_keeps_its_complete_candidates(desk: Desk) -> None:
    whole = export(candidate("a"), candidate("b"), candidate("c"))
    batch = desk.land("export.json", whole[: whole.index('"c"') + 12])
    assert desk.ids(batch) == ["a", "b"]
    assert desk.rules(batch) == [(3, "malformed_json")]
    assert "the file ends" in desk.landing_quarantine(batch)[0]["message"]


def test_a_file_cut_off_between_candidates_says_so(desk: Desk) -> None:
    batch = desk.land("export.json", f'{{"candidates": [{candidate("a")},')
    assert desk.ids(batch) == ["a"]
    assert desk.rules(batch) == [(2, "malformed_json")]


def test_a_stray_bracket_does_not_end_the_array(desk: Desk) -> None:
    batch = desk.land(
        "export.json", export(candidate("a") + "]", candidate("b") + "}", candidate("c"))
    )
    assert desk.ids(batch) == ["a", "b", "c"]
    assert desk.rules(batch) == [(2, "malformed_json"), (4, "malformed_json")]


def test_items_that_are_no_objects_and_ids_that_are_no_text_are_quarantined(desk: Desk) -> None:
    items = ["null", "[1, 2]", '"text"', '{"aristotleId": {"x": 1}}']
    batch = desk.land("export.json", export(*items, candidate("a"), '{"aristotleId": 7}'))
    assert desk.ids(batch) == ["a", "7"]
    assert [rule for _, rule in desk.rules(batch)] == [
        "not_an_object",
        "not_an_object",
        "not_an_object",
        "wrong_type",
    ]


def test_a_candidate_over_the_size_limit_is_quarantined_alone(desk: Desk) -> None:
    # One that fits the window, one beyond it with brackets, quotes and backslashes in its text.
    large, huge = candidate("b", "x" * 3_000), candidate("c", '}]"\\[{' * 200_000)
    text = export(candidate("a"), large, huge, candidate("d"))
    batch = desk.land("export.json", text, max_row_bytes=2_000)
    assert desk.ids(batch) == ["a", "d"]
    assert desk.rules(batch) == [(2, "over_size"), (3, "over_size")]
    assert [len(row["raw"]) for row in desk.landing_quarantine(batch)] == [len(large), 65_536]


def test_bom_latin_1_bytes_and_nan_are_survived(desk: Desk) -> None:
    latin = '{"aristotleId": "a", "gemData": {"title": "Ingénieur", "x": NaN}}'.encode("latin-1")
    utf_8 = candidate("b", "x").replace("x", "東京").encode()
    text = b'\xef\xbb\xbf{"candidates": [' + latin + b", " + utf_8 + b"]}"
    batch = desk.land("export.json", text)
    desk.validate(batch)
    assert [row["title"] for row in desk.candidates(batch)] == ["Ingénieur", "東京"]


def test_the_first_of_two_equal_ids_stays(desk: Desk) -> None:
    batch = desk.land("export.json", export(candidate("a", "x"), candidate("a", "y")))
    assert "x" in desk.landed(batch)[0]["record"]
    assert desk.rules(batch) == [(2, "duplicate_id")]
    assert "line 1" in desk.landing_quarantine(batch)[0]["message"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"metadata": {}, "people": []}', "its keys: 'metadata', 'people'"),
        ('{"candidates": {"a": 1}}', "'candidates' is not an array"),
        ("not json", "not a JSON document"),
        ("{broken: 1}", "malformed before its candidates"),
        ('{"candidates": []}', "holds no record"),
        ('{"id": "1", "title": "x"}\n{"id": "2", "title": "y"}', "--format jsonl"),
    ],
)
def test_a_file_without_candidates_is_refused_with_its_reason(
    desk: Desk, content: str, expected: str
) -> None:
    with pytest.raises(InputError, match=expected):
        desk.land("export.json", content)
    assert desk.store.batches() == []
