"""Files of synthetic candidates, for the demo, for tests and for measuring.

The same count, seed and format give the same file. The strength behind a candidate is written
where no prompt takes it from: `praxisData.synthetic_strength` in aris and jsonl, the column
`synthetic_strength` in csv and parquet.
"""

import csv
import json
import random
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from aris_pipeline.candidates.synthetic_careers import Candidate, make_candidate, render_text
from aris_pipeline.storage import SourceFormat, cannot_write

_TABLE = pa.schema(
    [("id", pa.string()), ("Resume", pa.string()), ("synthetic_strength", pa.float64())]
)
_ROWS_AT_ONCE = 5000
_SYSTEM_MESSAGE = (
    "You judge candidates for a software engineering role. Answer with one JSON object: "
    "a reason of one sentence, then the recommendation."
)
_VERDICT_SCHEMA = {
    "type": "object",
    "properties": {
        "reason": {"type": "string", "maxLength": 200},
        "recommendation": {
            "type": "string",
            "enum": ["Strong Yes", "Yes", "Maybe", "No", "Strong No"],
        },
    },
    "required": ["reason", "recommendation"],
    "additionalProperties": False,
}

Made = tuple[str, Candidate, float]


def write_synthetic(
    count: int,
    seed: int,
    format: SourceFormat,  # noqa: A002
    out: Path,
    *,
    indent: int | None = None,
) -> None:
    """Writes `count` candidates to `out`.

    Args:
        count: number of candidates.
        seed: another seed gives other candidates.
        format: format of the file.
        out: the file; its directory is made if needed.
        indent: spaces of indentation in an aris file that people are to read.

    Raises:
        StorageError: the file cannot be written.
    """
    made = _make(count, seed)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        if format == "parquet":
            _write_parquet(made, out)
        elif format == "csv":
            _write_csv(made, out)
        elif format == "aris":
            _write_aris(made, count, out, indent)
        else:
            _write_lines(made, _request if format == "openai" else _record, out)
    except OSError as error:
        raise cannot_write(out, error) from error


def _make(count: int, seed: int) -> Iterator[Made]:
    rng = random.Random(seed)  # noqa: S311
    for number in range(1, count + 1):
        candidate, strength = make_candidate(number, rng)
        yield f"syn-{seed}-{number:06d}", candidate, strength


def _record(made: Made) -> dict[str, Any]:
    custom_id, candidate, strength = made
    return {
        "aristotleId": custom_id,
        "gemData": candidate,
        "swarmData": None,
        "cvData": None,
        "praxisData": {"synthetic_strength": strength},
    }


def _request(made: Made) -> dict[str, Any]:
    custom_id, candidate, _ = made
    return {
        "custom_id": custom_id,
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {
            "model": "gemma3:12b",
            "messages": [
                {"role": "system", "content": _SYSTEM_MESSAGE},
                {"role": "user", "content": render_text(candidate)},
            ],
            "temperature": 0,
            "max_tokens": 200,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "verdict", "strict": True, "schema": _VERDICT_SCHEMA},
            },
        },
    }


def _write_lines(made: Iterator[Made], shape: Callable[[Made], dict[str, Any]], out: Path) -> None:
    with out.open("w", encoding="utf-8", newline="\n") as file:
        for one in made:
            file.write(json.dumps(shape(one), ensure_ascii=False) + "\n")


def _write_aris(made: Iterator[Made], count: int, out: Path, indent: int | None) -> None:
    """Writes the export document piece by piece."""
    metadata = {
        "batchSize": count,
        "exportedAt": "2026-11-01T02:00:00Z",
        "domain": "software-engineering",
        "dataQuality": "synthetic",
    }
    with out.open("w", encoding="utf-8", newline="\n") as file:
        head = json.dumps(metadata, indent=indent)
        file.write(f'{{"metadata": {head},\n"candidates": [')
        for index, one in enumerate(made):
            text = json.dumps(_record(one), ensure_ascii=False, indent=indent)
            file.write(f",\n{text}" if index else f"\n{text}")
        file.write("\n]}\n")


def _write_csv(made: Iterator[Made], out: Path) -> None:
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_TABLE.names)
        for custom_id, candidate, strength in made:
            writer.writerow([custom_id, render_text(candidate), strength])


def _write_parquet(made: Iterator[Made], out: Path) -> None:
    rows = (
        {"id": custom_id, "Resume": render_text(candidate), "synthetic_strength": strength}
        for custom_id, candidate, strength in made
    )
    with pq.ParquetWriter(out, _TABLE, compression="zstd") as writer:
        while some := list(islice(rows, _ROWS_AT_ONCE)):
            writer.write_table(pa.Table.from_pylist(some, schema=_TABLE))
