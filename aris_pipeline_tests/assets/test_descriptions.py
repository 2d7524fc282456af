"""What the UI can say about each asset, as Dagster takes it."""

from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from aris_pipeline.defs import assets
from aris_pipeline.defs.descriptions import described, table_facts, with_code_references
from aris_pipeline.defs.lineage import lineage
from aris_pipeline.evaluations import evaluation_schema
from aris_pipeline.evaluations.schemas import property_schema
from aris_pipeline.prompts import DEFAULT_RUBRIC, Criterion, load_rubric
from aris_pipeline.storage import RawCandidates, write_parquet
from aris_pipeline.storage.schemas import polars_schema
from aris_pipeline_tests.tables import write_table

CHAIN = ["raw_candidates", "prompts", "completions", "evaluations", "throughput"]
ASSETS = [*CHAIN, "candidate_ranking", "throughput_report", "label_metrics", "verdict_log"]


def columns_of(metadata: dict[str, Any]) -> dict[str, dg.TableColumn]:
    schema = metadata["dagster/column_schema"]
    return {column.name: column for column in schema.columns}


def declared(asset: str) -> dict[str, dg.TableColumn]:
    return columns_of(described(asset)["metadata"])


def defined(asset: str) -> dg.AssetsDefinition:
    def anything() -> None: ...

    made: dg.AssetsDefinition = dg.asset(name=asset, **described(asset))(anything)
    return made


@pytest.mark.parametrize("asset", ASSETS)
def test_dagster_takes_what_an_asset_says_of_itself(asset: str) -> None:
    spec = defined(asset).get_asset_spec()

    assert spec.description
    assert spec.description.count(". ") >= 1
    assert spec.group_name in {"candidates", "judging", "verdicts", "operations"}
    assert spec.owners == ["team:recruiting-data"]
    assert "parquet" in spec.kinds
    assert int(spec.code_version or 0) >= 1
    assert spec.tags["dagster/storage_kind"] == "parquet"
    assert spec.tags["aris/grain"] in {"shard", "batch"}
    assert spec.tags["aris/personal_data"] in {"full", "by_id", "none"}


def test_the_page_about_a_batch_is_described_though_it_has_no_columns() -> None:
    spec = defined("batch_report").get_asset_spec()

    assert spec.tags["dagster/storage_kind"] == "html"
    assert spec.metadata["dagster/uri"] == "reports/rubric=*/model=*/batch=*/report.html"
    assert "dagster/column_schema" not in spec.metadata


@pytest.mark.parametrize("asset", ["landing_files", *ASSETS])
def test_every_column_is_described(asset: str) -> None:
    columns = declared(asset).values()

    assert columns
    assert [column.name for column in columns if not column.description or not column.type] == []


def test_landed_files_are_described_as_an_asset_that_dagster_does_not_execute() -> None:
    spec = dg.AssetSpec("landing_files", **described("landing_files"))

    assert spec.metadata["dagster/uri"] == "landed/batch=*/shard=*/records.parquet"


def test_columns_say_what_may_stand_in_them() -> None:
    evaluations = declared("evaluations")

    assert evaluations["custom_id"].constraints == dg.TableColumnConstraints(False, True)
    assert evaluations["score"].constraints.nullable
    assert evaluations["education"].constraints.other == ["one of Great, Good, Average, Weak, None"]
    assert evaluations["education"].tags == {
        "rubric": DEFAULT_RUBRIC,
        "from": "completions.text",
    }


@pytest.mark.parametrize("asset", ASSETS)
def test_lineage_names_only_columns_that_exist_and_never_a_later_asset(asset: str) -> None:
    said = described(asset)["metadata"]["dagster/column_lineage"]
    upstream = {"landing_files": declared("landing_files")}
    for one in ASSETS[: ASSETS.index(asset)]:
        upstream[one] = declared(one)

    assert said.deps_by_column
    for column, sources in said.deps_by_column.items():
        assert column in declared(asset)
        for source in sources:
            assert source.column_name in upstream[source.asset_key.to_user_string()]


def test_the_id_of_a_candidate_can_be_followed_from_the_ranking_to_the_landed_file() -> None:
    seen, column = ["candidate_ranking"], "custom_id"
    while sources := lineage(seen[-1]).get(column):
        seen.append(sources[0].partition(".")[0])

    assert seen == [
        "candidate_ranking",
        "evaluations",
        "prompts",
        "raw_candidates",
        "landing_files",
    ]


def test_a_written_file_tells_its_rows_its_size_and_where_it_lies(tmp_path: Path) -> None:
    file = tmp_path / "batch=b[1]" / "candidates.parquet"
    write_table(file, RawCandidates, {}, {}, {})

    facts = table_facts(file)

    assert facts == {
        "dagster/partition_row_count": 3,
        "dagster/size_bytes": file.stat().st_size,
        "dagster/uri": dg.MetadataValue.path(file),
    }


def test_a_file_of_another_rubric_shows_the_columns_that_it_has(tmp_path: Path) -> None:
    shipped = load_rubric(DEFAULT_RUBRIC)
    attitude = Criterion(name="attitude", title="Attitude", guidance="How they work with others.")
    schema = evaluation_schema(shipped.model_copy(update={"criteria": (attitude,)}))
    file = tmp_path / "evaluations.parquet"
    write_parquet(pl.DataFrame(schema=polars_schema(schema)), file, schema)

    shown = columns_of(table_facts(file, schema))

    assert list(shown) == schema.column_names()
    assert shown["attitude"].type == "Enum"
    assert shown["attitude"].description == "Attitude: rating."
    assert shown["custom_id"].constraints == dg.TableColumnConstraints(False, True)


def test_the_answers_of_an_openai_file_show_their_properties(tmp_path: Path) -> None:
    schema = property_schema({"properties": {"years": {"type": "integer"}}})
    file = tmp_path / "evaluations.parquet"
    write_parquet(pl.DataFrame(schema=polars_schema(schema)), file, schema)

    shown = columns_of(table_facts(file, evaluation_schema(None)))

    assert shown["answer_years"].type == "Int64"
    assert shown["answer_years"].description == "Property years of the answer."
    assert "education" not in shown


def test_code_references_lead_to_the_local_file() -> None:
    spec = dg.AssetSpec("landing_files")

    linked = with_code_references([defined("prompts"), spec])

    (reference,) = references(linked[0])
    assert isinstance(reference, dg.LocalFileCodeReference)
    assert reference.file_path == __file__
    assert linked[1] is spec


def test_code_references_lead_to_the_repository_where_it_is_named() -> None:
    url = "https://github.com/acme/aris_pipeline"

    linked = with_code_references([assets.prompts], git_url=url)

    (reference,) = references(linked[0])
    assert isinstance(reference, dg.UrlCodeReference)
    assert reference.url.startswith(f"{url}/tree/main/aris_pipeline/defs/assets.py#L")


def references(asset: Any) -> list[Any]:
    metadata = asset.get_asset_spec().metadata
    found: list[Any] = metadata["dagster/code_references"].code_references
    return found
