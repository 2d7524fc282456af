"""The encoding of a text file, judged on a sample spread over it before anything is landed.

Text that is wrongly read as UTF-8 becomes mojibake, which a model judges without complaint. So a
file in another encoding is refused, and the message names the likely encodings, unless `--encoding`
names the right one. Single bytes of Latin-1 are not a reason to refuse: see `stray_bytes`. The
readers find, row by row, a late part that the sample missed.
"""

import codecs
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path

from aris_pipeline.candidates.landing_options import UTF_8, LandingOptions
from aris_pipeline.candidates.sources import open_source
from aris_pipeline.candidates.stray_bytes import is_foreign, is_mostly_utf_8
from aris_pipeline.candidates.suspects import UNKNOWN, labelled, seven_bit_suspect, suspects
from aris_pipeline.errors import InputError

_FIRST = 1024 * 1024
_BLOCK = 64 * 1024
_BLOCKS = 15
_KEPT = 64 * 1024
_PIECES = re.compile(rb"[^\r\n]{1,1024}[\x80-\xff]*")
_NUL_SHARE = 0.05
_FEW = 3
_FOREIGN_SHARE = 0.2
_WRONG_SHARE = 0.01
_ENOUGH_TO_BE_UTF_8 = 16
_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32", "utf-32"),
    (codecs.BOM_UTF32_BE, "UTF-32", "utf-32"),
    (codecs.BOM_UTF16_LE, "UTF-16", "utf-16"),
    (codecs.BOM_UTF16_BE, "UTF-16", "utf-16"),
)
_WIDE = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")


def check_encoding(file: Path, options: LandingOptions) -> None:
    """Checks that a text file has the encoding in which it is read.

    Raises:
        InputError: it has another encoding; the message names the likely ones.
    """
    sample = _Sample.of(file, options)
    if options.encoding is None:
        _refuse_other_than_utf_8(file, sample)
    elif options.encoding != UTF_8:
        _refuse_other_than_named(file, sample, options.encoding)


@dataclass(frozen=True)
class _Sample:
    """The beginning of a file and blocks from all over it."""

    blocks: list[bytes]

    @classmethod
    def of(cls, file: Path, options: LandingOptions) -> "_Sample":
        with open_source(file, options.max_unpacked_bytes) as source:
            blocks = [source.read(_FIRST)]
            if source.seekable():
                blocks += _spread(source)
        return cls(blocks)

    @property
    def head(self) -> bytes:
        return self.blocks[0]

    def is_utf_8(self) -> bool:
        """Returns whether all of it is UTF-8; characters that a block cuts in two do not count."""
        try:
            for number, block in enumerate(self.blocks):
                whole = re.sub(rb"\A[\x80-\xbf]{1,3}", b"", block) if number else block
                codecs.getincrementaldecoder("utf-8")().decode(whole)
        except UnicodeDecodeError:
            return False
        return True

    def pieces(self) -> Iterator[bytes]:
        """Yields the lines of the sample, and long lines in parts."""
        for block in self.blocks:
            yield from _PIECES.findall(block)


def _spread(source: BufferedReader) -> Iterator[bytes]:
    size = source.seek(0, os.SEEK_END)
    step = max((size - _FIRST) // _BLOCKS, _BLOCK)
    # UTF-16 and UTF-32 are read in their units only from a place that is divisible by four.
    for place in range(_FIRST, size, step - step % 4):
        source.seek(place)
        yield source.read(_BLOCK)


def _refuse_other_than_utf_8(file: Path, sample: _Sample) -> None:
    head = sample.head
    for mark, name, option in _MARKS:
        if head.startswith(mark):
            raise _refusal(file, f"is encoded as {name}", option)
    if b"\0" in head:
        wide = next((name for name in _WIDE if _reads_as(head[:_BLOCK], name)), None)
        if wide is not None:
            raise _refusal(file, f"is encoded as {wide[:6].upper()} ({wide}, without a mark)", wide)
        if head.count(0) > _NUL_SHARE * len(head):
            raise InputError(f"{file} is binary, not text (NUL bytes): export it again")
    if sample.is_utf_8():
        hidden = seven_bit_suspect(head) if head.isascii() else None
        if hidden is not None:
            raise _refusal(file, f"is not UTF-8; its encoding may be {hidden}", hidden)
        return
    found = _suspects(sample)
    if found == [UNKNOWN]:
        raise _refusal(file, "is not UTF-8, and its encoding is not known", "NAME")
    if found:
        raise _refusal(file, f"is not UTF-8; its encoding may be {labelled(found)}", found[0])


def _suspects(sample: _Sample) -> list[str]:
    """Returns the likely encodings of a sample that is not all UTF-8; none for single stray bytes.

    A single row with garbage is not a reason to refuse the others: it takes a few such rows, or a
    large share.
    """
    pieces = utf_8 = others = kept = 0
    strays: list[bytes] = []
    for piece in sample.pieces():
        pieces += 1
        if piece.isascii():
            continue
        if is_mostly_utf_8(piece):
            utf_8 += 1
        else:
            others += 1
            kept += len(piece)
            strays += [piece] if kept < _KEPT or not strays else []
    foreign = sum(map(is_foreign, strays))
    if utf_8 > others or (0 < foreign < min(_FEW, _FOREIGN_SHARE * pieces)):
        return []
    return suspects(b"\n".join(strays))


def _refuse_other_than_named(file: Path, sample: _Sample, encoding: str) -> None:
    """Refuses a file that is plainly not in the encoding that was named."""
    named = f"--encoding {encoding}"
    high = sum(len(block) - len(re.sub(rb"[\x80-\xff]", b"", block)) for block in sample.blocks)
    wide = encoding.startswith(("utf-16", "utf-32"))
    if sample.is_utf_8() and not sample.head.count(0) and (wide or high > _ENOUGH_TO_BE_UTF_8):
        raise InputError(f"{file} is UTF-8, not {encoding}: leave {named} out")
    text = codecs.getincrementaldecoder(encoding)("replace").decode(sample.head)
    wrong = text.count("\ufffd")
    if wrong > max(_FEW, _WRONG_SHARE * sum(one > "\x7f" for one in text)):
        raise InputError(
            f"{file} is not {encoding}: {wrong:,} characters of its first {len(sample.head):,} "
            f"bytes cannot be read so; correct {named}"
        )


def _reads_as(head: bytes, encoding: str) -> bool:
    """Returns whether bytes are text in wide units; in any language some of it is ASCII."""
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(head)
    except UnicodeDecodeError:
        return False
    if "\0" in text:
        return False
    readable = sum(one.isprintable() or one in "\r\n\t" for one in text)
    plain = sum(one.isascii() for one in text)
    return readable > (1 - _NUL_SHARE) * len(text) and plain > _NUL_SHARE * len(text)


def _refusal(file: Path, what: str, option: str) -> InputError:
    return InputError(f"{file} {what}: save it as UTF-8, or land it with --encoding {option}")
