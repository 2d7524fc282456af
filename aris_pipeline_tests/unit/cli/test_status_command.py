from aris_pipeline.storage import DataStore, write_bytes
from aris_pipeline_tests.command import aris
from aris_pipeline_tests.tables import make_batch

BATCH = make_batch(1)


def test_a_damaged_manifest_is_named_and_the_other_batches_are_listed(store: DataStore) -> None:
    broken = store.batch_file("2026-01-01_torn")
    write_bytes(b"{", broken)

    alone = aris("status", "--data-dir", store.root)
    write_bytes(BATCH.model_dump_json().encode(), store.batch_file(BATCH.name))
    beside = aris("status", "--data-dir", store.root, "--json")

    assert alone.code == beside.code == 2
    assert str(broken) in alone.stderr
    assert "nothing has been landed" not in alone.stdout + alone.stderr
    assert [row["batch"] for row in beside.figures["batches"]] == [BATCH.name]
    assert [str(broken) in fault for fault in beside.figures["damaged"]] == [True]


def test_an_empty_directory_says_how_to_begin(store: DataStore) -> None:
    ended = aris("status", "--data-dir", store.root)

    assert ended.code == 0
    assert "nothing has been landed" in ended.stdout + ended.stderr
