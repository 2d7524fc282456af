"""A data directory in a real object store: what is visible, what is removed, what is said."""

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest

from aris_pipeline.candidates import land_file, write_synthetic
from aris_pipeline.completions import parts, remove_finished_parts
from aris_pipeline.errors import ConfigError, DamagedDataError, DiskError, MissingDataError
from aris_pipeline.storage import (
    DataStore,
    Judge,
    ObjectPath,
    Shard,
    data_path,
    local_dir,
    may_be_newer,
    object_store,
    read_parquet,
    remove_tree,
    version_of,
    write_bytes,
    write_frame,
)
from aris_pipeline_tests.seaweed import BUCKET, Seaweed, seaweed, surround

JUDGE, SHARD = Judge("aris-swe-v1", "small"), Shard("b", "s000")
FRAME = pl.DataFrame({"a": [1, 2, 3]})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seaweed]:
    with seaweed(tmp_path_factory.mktemp("seaweed")) as running:
        yield running


@pytest.fixture
def store(
    server: Seaweed, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[DataStore]:
    """An empty prefix."""
    surround(monkeypatch, server.environment())
    yield DataStore.at(f"s3://{BUCKET}/{request.node.originalname}")
    object_store._open_bucket.cache_clear()


def object_path(path: Path) -> ObjectPath:
    assert isinstance(path, ObjectPath)
    return path


def test_what_is_written_is_read_back_and_replaced_as_a_whole(store: DataStore) -> None:
    table = store.evaluations(JUDGE, SHARD)
    write_frame(FRAME, table)
    before = version_of(table)
    write_frame(FRAME.head(1), table)

    assert str(table).startswith(f"s3://{BUCKET}/")
    assert read_parquet(table, hint="").equals(FRAME.head(1))
    assert version_of(table) != before
    assert [str(one) for one in store.root.glob("*")] == [str(store.root / "evaluations")]


def test_readers_meet_one_version_or_the_other_while_a_large_file_is_replaced(
    store: DataStore,
) -> None:
    file, size = store.root / "large.bin", 8 * 2**20
    versions = [letter * size for letter in (b"a", b"b")]
    write_bytes(versions[0], file)
    done = threading.Event()

    def write() -> None:
        for number in range(10):
            write_bytes(versions[number % 2], file)
        done.set()

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(write)
        met = set()
        while not done.is_set():
            content = file.read_bytes()
            met.add((len(content), content[:1], content[-1:]))
            if writing.done():
                break
        writing.result()

    assert met <= {(size, b"a", b"a"), (size, b"b", b"b")}


def test_a_listing_finds_what_was_written_just_before(store: DataStore) -> None:
    for number in range(3):
        write_bytes(b"{}", store.batch_file(f"b{number}"))
        assert [file.stem for file in store.batch_files()] == [f"b{n}" for n in range(number + 1)]


def test_a_listing_has_directories_as_a_disk_does(store: DataStore) -> None:
    for judge in (JUDGE, Judge("aris-swe-v1", "large")):
        write_frame(FRAME, store.evaluations(judge, SHARD))
    write_frame(FRAME, store.evaluations(JUDGE, Shard("other", "s000")))

    assert set(store.judges("evaluations", "b")) == {JUDGE, Judge("aris-swe-v1", "large")}
    assert store.judges("evaluations", "nobody's") == []
    found = store.judged("evaluations", JUDGE).glob("batch=*")
    assert sorted(path.name for path in found) == ["batch=b", "batch=other"]
    assert store.judged("evaluations", JUDGE).exists()
    assert not store.judged("completions", JUDGE).exists()


def test_names_need_no_care(store: DataStore) -> None:
    file = store.root / "exports" / "a b~50% #1 ü:=.csv"
    write_bytes(b"x", file)

    assert file.read_bytes() == b"x"
    assert list(store.root.glob("exports/*")) == [file]


def test_a_directory_is_removed_with_all_in_it_and_nothing_beside_it(store: DataStore) -> None:
    kept, gone = (
        store.completion_parts(JUDGE, SHARD),
        store.completion_parts(JUDGE, Shard("c", "s000")),
    )
    for number in range(3):
        write_frame(FRAME, kept / f"part-{number}.parquet")
        write_frame(FRAME, gone / f"part-{number}.parquet")
    remove_tree(gone)
    remove_tree(gone)

    assert not gone.exists()
    assert len(parts.part_files(kept)) == 3


def test_parts_of_the_second_of_their_completions_are_kept(store: DataStore) -> None:
    """The store's clock tells whole seconds, and a part may be of a run that came after."""
    part = store.completion_parts(JUDGE, SHARD) / "part-1.parquet"
    completions = store.completions(JUDGE, SHARD)
    while not (part.exists() and part.stat().st_mtime_ns == completions.stat().st_mtime_ns):
        write_frame(FRAME, completions)
        write_frame(FRAME, part)
    remove_finished_parts(store)
    assert part.exists()

    while may_be_newer(part, completions):
        write_frame(FRAME, completions)
    remove_finished_parts(store)
    assert not part.exists()


def test_of_many_who_create_an_object_one_succeeds(store: DataStore) -> None:
    place = object_path(store.root / "claim")
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda number: place.create(b"%d" % number), range(16)))

    assert sum(won) == 1
    assert place.read_bytes() == b"%d" % won.index(True)


def test_two_hosts_land_other_contents_under_one_name_apart(
    store: DataStore, tmp_path: Path
) -> None:
    files = [tmp_path / host / "export.json" for host in ("one", "two")]
    for seed, file in enumerate(files):
        write_synthetic(30, seed, "aris", file)

    def land(number: int) -> str:
        with pytest.MonkeyPatch.context() as patch:
            # Each host has locks of its own.
            patch.setattr(DataStore, "locks", tmp_path / f"locks-{number}")
            return land_file(store, files[number]).name

    names = {land(0), land(1)}
    again = {land(1), land(0)}

    assert len(names) == 2
    assert again == names
    assert {batch.rows_in for batch in store.batches()} == {30}


def test_a_landing_of_another_host_is_not_taken_for_dead(store: DataStore, tmp_path: Path) -> None:
    """It has no manifest yet, and no lock that this host could see."""
    write_frame(FRAME, store.landed(Shard("2026-01-01_theirs", "s000")))
    write_synthetic(5, 1, "aris", tmp_path / "ours.json")
    land_file(store, tmp_path / "ours.json")

    assert store.landed(Shard("2026-01-01_theirs", "s000")).exists()


def test_damage_is_told_from_absence(store: DataStore) -> None:
    table = store.evaluations(JUDGE, SHARD)
    with pytest.raises(MissingDataError, match="does not exist: run it"):
        read_parquet(table, hint="run it")

    write_frame(FRAME, table)
    content = bytearray(table.read_bytes())
    content[40] ^= 1
    write_bytes(content, table)
    with pytest.raises(DamagedDataError, match="its digest does not fit"):
        read_parquet(table, hint="run it")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "credentials"),
        ({"AWS_ACCESS_KEY_ID": "stranger"}, "credentials"),
        ({"AWS_ENDPOINT_URL": "http://user:hidden@127.0.0.1:1"}, "127.0.0.1:1 cannot be reached"),
    ],
)
def test_a_store_that_refuses_is_named_with_the_remedy(
    store: DataStore, server: Seaweed, wrong: dict[str, str], said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    surround(monkeypatch, server.environment() | {"AWS_MAX_ATTEMPTS": "2"} | wrong)
    file = store.root / "x"
    asked: list[Callable[[], object]] = [
        file.read_bytes,
        file.exists,
        store.batch_files,
        lambda: write_bytes(b"", file),
    ]

    for ask in asked:
        with pytest.raises(DiskError, match=said) as refused:
            ask()
        assert str(store.root) in str(refused.value)
        assert "then run the same command" in str(refused.value)
        shown = f"{refused.value} {refused.value.__cause__} {refused.value.__suppress_context__}"
        assert not any(secret in shown for secret in ("secret", "wrong", "hidden", "stranger"))


def test_damage_is_never_seen_in_a_store_out_of_reach(
    store: DataStore, server: Seaweed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is taken for damaged is generated again."""
    write_frame(FRAME, store.completions(JUDGE, SHARD))
    gone = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "AWS_MAX_ATTEMPTS": "1"}
    surround(monkeypatch, server.environment() | gone)

    with pytest.raises(DiskError, match="cannot be reached"):
        read_parquet(store.completions(JUDGE, SHARD), hint="")


def test_one_who_may_only_read_is_told_so_when_writing(
    store: DataStore, server: Seaweed, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bytes(b"x", store.root / "x")
    surround(monkeypatch, server.environment(reader=True))

    assert (store.root / "x").read_bytes() == b"x"
    with pytest.raises(DiskError, match=r"access is denied .* may list, read, write"):
        write_bytes(b"y", store.root / "x")
    remove_tree(store.root)
    assert (store.root / "x").read_bytes() == b"x"


def test_a_bucket_that_is_not_there_is_not_an_empty_one(store: DataStore) -> None:
    nowhere = DataStore.at("s3://no-such-bucket/data")

    for ask in (nowhere.batch_files, lambda: write_bytes(b"", nowhere.root / "x")):
        with pytest.raises(DiskError, match="there is no bucket no-such-bucket"):
            ask()


def test_without_credentials_nobody_is_asked(
    store: DataStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    surround(monkeypatch, {})

    with pytest.raises(ConfigError, match="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        store.batches()


@pytest.mark.parametrize(
    "url",
    ["gs://bucket/x", "s3://key:secret@bucket/x", "s3:///x", "s3://bucket/../x", "s3://b/x?secret"],
)
def test_another_kind_of_url_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(ConfigError, match="s3://bucket/prefix") as refused:
        data_path(url)
    assert "secret" not in str(refused.value)


def test_what_reads_a_store_is_named_where_it_is_not_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)

    with pytest.raises(ConfigError, match=r"pip install 'aris_pipeline\[s3\]'"):
        data_path("s3://bucket/x")


def test_a_disk_is_never_asked_for_an_object(
    store: DataStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    root = store.root
    for ask in (root.mkdir, root.unlink, root.open, root.touch, lambda: next(root.rglob("*"))):
        with pytest.raises(TypeError, match="on a disk"):
            ask()
    assert list(tmp_path.iterdir()) == []


def test_locks_of_each_store_are_in_a_place_of_its_own(
    store: DataStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ARIS_CACHE_DIR", str(tmp_path))
    ours = local_dir(store.root)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:2")

    assert tmp_path in ours.parents
    assert local_dir(store.root) != ours
    assert local_dir(tmp_path) == tmp_path
