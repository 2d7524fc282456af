"""The one message for a batch without a usable row: what was found, where, and the way out."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class Findings:
    """Unusable rows, counted by the rule they broke, each with its first example."""

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, rule: str, line: int, message: str, count: int = 1) -> None:
        """Counts rows; the first example of a rule is kept."""
        self.counts[rule] = self.counts.get(rule, 0) + count
        self.examples.setdefault(rule, f"line {line}: {message}")

    def __str__(self) -> str:
        """Lists the rules, the most frequent first."""
        ordered = sorted(self.counts.items(), key=lambda item: -item[1])
        return "; ".join(
            f"{count:,} {rule} (first at {self.examples[rule]})" for rule, count in ordered
        )


WAYS_OUT: Mapping[str, str] = {
    "aris": "Export it again, or name its format with --format",
    "jsonl": "Each line has to be a JSON object with an id and a profile; "
    "correct the file, or name its format with --format",
    "openai": "Each line has to be an OpenAI Batch request with custom_id, method, url and body; "
    "correct the file, or name its format with --format",
    "csv": "Correct the file, or name its columns with --text-column and --id-column",
    "parquet": "Correct the file, or name its columns with --text-column and --id-column",
}
