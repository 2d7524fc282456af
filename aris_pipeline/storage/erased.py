"""Remembers whom we must not take in again, without saying who that is.

The list holds keyed hashes (HMAC-SHA256, RFC 2104). Without the key, which never leaves the data
directory, nobody can test whether a person is on it.
"""

import hmac
import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from aris_pipeline.errors import DamagedDataError
from aris_pipeline.storage.atomic import cannot_write, write_bytes
from aris_pipeline.storage.object_store import ObjectPath

_KEY_BYTES = 32


@dataclass(frozen=True)
class KeyedHashes:
    """Hashes ids and records by the key of one data directory."""

    key: bytes

    @classmethod
    def of(cls, folder: Path, *, trial: bool = False) -> Self:
        """Returns the hashes by the key in a folder; a key is made if there is none.

        Args:
            folder: `DataStore.erasures`.
            trial: whether a new key is not kept.

        Raises:
            DamagedDataError: the key is not one of ours.
            StorageError: the key cannot be written.
        """
        file = folder / "key"
        if not file.exists():
            if trial:
                return cls(secrets.token_bytes(_KEY_BYTES))
            _make_key(file)
        key = file.read_bytes()
        if len(key) != _KEY_BYTES:
            raise DamagedDataError(
                f"{file} is not a key of {_KEY_BYTES} bytes: restore it, because without it erased "
                "people are not recognized"
            )
        return cls(key)

    def of_id(self, custom_id: str) -> str:
        """Returns the hash of an id."""
        return self._hash("id", custom_id)

    def of_content(self, text: str) -> str:
        """Returns the hash of a record's text."""
        return self._hash("content", text)

    def _hash(self, what: str, text: str) -> str:
        said = f"{what}\0{text}".encode("utf-8", "surrogatepass")
        return hmac.digest(self.key, said, "sha256").hex()


@dataclass(frozen=True)
class HashedPeople:
    """People who are known by keyed hashes alone: one to be erased, or all who were.

    Attributes:
        hashes: of the data directory.
        ids: of people who are to be in no batch.
        contents: of their records and prompts.
    """

    hashes: KeyedHashes
    ids: frozenset[str] = frozenset()
    contents: frozenset[str] = frozenset()

    @classmethod
    def erased(cls, folder: Path) -> Self | None:
        """Returns the people whom landing leaves out; None if nobody was erased.

        Raises:
            DamagedDataError: the list cannot be read; landing would bring people back.
        """
        file = folder / "people.json"
        if not file.exists():
            return None
        try:
            found = json.loads(file.read_bytes())
            ids, contents = frozenset(found["ids"]), frozenset(found["contents"])
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedDataError(
                f"{file} cannot be read ({error}): restore it, because it says who was erased"
            ) from error
        return cls(KeyedHashes.of(folder), ids, contents)

    def has_id(self, custom_id: str | None) -> bool:
        """Returns whether an id is one of theirs."""
        return custom_id is not None and self.hashes.of_id(custom_id) in self.ids

    def has_text(self, text: str) -> bool:
        """Returns whether a record, or the messages of a prompt, are one of theirs."""
        return self.hashes.of_content(text) in self.contents

    def has_record(self, custom_id: str | None, text: str) -> bool:
        """Returns whether a record is one of theirs, by id or content."""
        return self.has_id(custom_id) or self.has_text(text)


def add_erased(folder: Path, ids: Iterable[str], contents: Iterable[str]) -> None:
    """Adds keyed hashes to the list of a data directory.

    Raises:
        StorageError: the list cannot be written.
    """
    known = HashedPeople.erased(folder) or HashedPeople(KeyedHashes.of(folder))
    _write(folder, known.ids.union(ids), known.contents.union(contents))


def _write(folder: Path, ids: frozenset[str], contents: frozenset[str]) -> None:
    content = {"ids": sorted(ids), "contents": sorted(contents)}
    write_bytes(json.dumps(content, indent=1).encode(), folder / "people.json")


def readmit(folder: Path, custom_id: str) -> bool:
    """Takes an id off the list; records that were erased stay on it.

    Returns:
        Whether the id was on the list.

    Raises:
        DamagedDataError: the list cannot be read.
        StorageError: the list cannot be written.
    """
    known = HashedPeople.erased(folder)
    if known is None or not known.has_id(custom_id):
        return False
    _write(folder, known.ids - {known.hashes.of_id(custom_id)}, known.contents)
    return True


def _make_key(file: Path) -> None:
    """Writes a random key that only its owner can read."""
    key = secrets.token_bytes(_KEY_BYTES)
    if isinstance(file, ObjectPath):
        file.create(key)
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    except OSError as error:
        raise cannot_write(file, error) from error
    with os.fdopen(opened, "wb") as out:
        out.write(key)
