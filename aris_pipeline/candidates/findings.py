"""The single message for a batch without a usable row: what was found, and where."""

from dataclasses import dataclass, field


@dataclass
class Findings:
    """Unusable rows, counted by the rule that they break, each rule with its first example."""

    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, str] = field(default_factory=dict)

    def add(self, rule: str, line: int, message: str, count: int = 1) -> None:
        """Counts rows and keeps the first example of each rule."""
        self.counts[rule] = self.counts.get(rule, 0) + count
        self.examples.setdefault(rule, f"line {line}: {message}")

    def __str__(self) -> str:
        """Lists the rules, the most frequent first."""
        ordered = sorted(self.counts.items(), key=lambda item: -item[1])
        return "; ".join(
            f"{count:,} {rule} (first at {self.examples[rule]})" for rule, count in ordered
        )
