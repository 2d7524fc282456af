"""Defines the name of a request inside an engine: `<request_key>[@<attempt>][#<node>]`."""

from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True, slots=True)
class RequestId:
    """Names a request among all that are in flight.

    Attributes:
        key: the `request_key` of the row.
        attempt: counts how often the row is asked, from 1.
        node: the node of the score plan; None for the answer itself.
    """

    key: str
    attempt: int = 1
    node: int | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parses the text that `str` wrote."""
        row, _, node = text.partition("#")
        key, _, attempt = row.partition("@")
        return cls(key, int(attempt or 1), int(node) if node else None)

    @property
    def row(self) -> "RequestId":
        """Names the attempt of the row that the request belongs to."""
        return self.at(None)

    def at(self, node: int | None) -> "RequestId":
        """Names the request for a node of the score plan."""
        return replace(self, node=node)

    def __str__(self) -> str:
        """Returns the text that an engine receives."""
        attempt = f"@{self.attempt}" if self.attempt > 1 else ""
        return f"{self.key}{attempt}" + ("" if self.node is None else f"#{self.node}")
