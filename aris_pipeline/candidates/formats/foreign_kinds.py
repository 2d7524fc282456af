"""Recognizes what a file really is, whatever its name says.

Files come with the wrong ending: a workbook saved under the name of a CSV file, a login page in
place of a download, JSON Lines named `.json`. If such a file were read by its name, the message
would be about columns or characters. The messages here name the real content and the remedy.
"""

import re
import zipfile
from collections.abc import Sequence
from pathlib import Path

from aris_pipeline.candidates.decoding import decode

HEAD_BYTES = 64 * 1024
"""How much of the beginning of a file is looked at."""

_AS_CSV = "save it as CSV UTF-8 and land that"
_EXTRACT = "extract the text of its candidates into CSV, JSON or parquet"
_EXPORT = "export its data as CSV, JSON or parquet"
_UNPACK = "unpack it, and land the files in it"

_MAGIC: Sequence[tuple[bytes, str, str]] = (
    (b"%PDF-", "a PDF document", _EXTRACT),
    (b"{\\rtf", "an RTF document", _EXTRACT),
    (b"PAR1", "parquet", "land it with --format parquet"),
    (b"SQLite format 3\0", "an SQLite database", _EXPORT),
    (b"ARROW1", "an Arrow (Feather) file", "save it as parquet"),
    (b"Obj\x01", "an Avro file", "save it as parquet"),
    (b"ORC", "an ORC file", "save it as parquet"),
    (b"\x89HDF\r\n", "an HDF5 file", "save it as parquet"),
    (b"\x93NUMPY", "a NumPy array", "save it as parquet"),
    (b"\x80\x04\x95", "a Python pickle", "save it as parquet"),
    (b"\x80\x05\x95", "a Python pickle", "save it as parquet"),
    (b"\x89PNG\r\n", "a PNG image", _EXTRACT),
    (b"\xff\xd8\xff", "a JPEG image", _EXTRACT),
    (b"GIF8", "a GIF image", _EXTRACT),
    (b"RIFF", "an image or recording", _EXTRACT),
    (b"II*\0", "a TIFF image", _EXTRACT),
    (b"MM\0*", "a TIFF image", _EXTRACT),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"Rar!\x1a", "a RAR archive", _UNPACK),
    (b"BZh", "packed by bzip2", "unpack it, or pack it by gzip or zstd"),
    (b"\xfd7zXZ\0", "packed by xz", "unpack it, or pack it by gzip or zstd"),
    (b"\x04\x22\x4d\x18", "packed by lz4", "unpack it, or pack it by gzip or zstd"),
    (b"\x1f\x8b", "packed by gzip", "unpack it once"),
    (b"\x28\xb5\x2f\xfd", "packed by zstd", "unpack it once"),
    (b"\0\x05\x16\x07", "what macOS keeps beside a file", "land the file without '._' in its name"),
    (
        b"version https://git-lfs.github.com/spec/",
        "a pointer of Git LFS, not the file",
        "fetch the file with `git lfs pull`",
    ),
)
_MEMBERS: Sequence[tuple[str, str, str]] = (
    ("xl/", "an Excel workbook", _AS_CSV),
    ("word/", "a Word document", _EXTRACT),
    ("ppt/", "a PowerPoint document", _EXTRACT),
    ("Index/", "an Apple iWork document", _EXPORT),
    ("content.xml", "an OpenDocument file", _AS_CSV),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_OLE_STREAMS: Sequence[tuple[str, str, str]] = (
    ("EncryptedPackage", "an Office document with a password", "remove the password first"),
    ("Workbook", "an Excel workbook (.xls)", _AS_CSV),
    ("WordDocument", "a Word document (.doc)", _EXTRACT),
)
_PAGE_BYTES = 1024
_TAR = (257, b"ustar")
_PAGE = re.compile(r"<!doctype html|<(?:html|head|body|script|table|div)\b", re.IGNORECASE)
_XML = re.compile(r"<\?xml|<(?:error|soap|rss|feed)\b", re.IGNORECASE)
_MEMBERS_SHOWN = 3


def foreign_kind(file: Path, head: bytes) -> str | None:
    """Names a kind of file that no text reader can read, with the remedy; nothing for text.

    Args:
        file: the file, for messages and for the list of what an archive holds.
        head: its first bytes, unpacked.
    """
    start = decode(head[:_PAGE_BYTES]).lstrip()
    found: tuple[str, str] | None = None
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        found = _archive(file, head)
    elif head.startswith(_OLE):
        found = _office(head)
    elif head[_TAR[0] :].startswith(_TAR[1]):
        found = "a tar archive", _UNPACK
    elif _PAGE.match(start):
        found = "an HTML page, perhaps that of a login", "download the data itself"
    elif _XML.match(start):
        found = "an HTML page" if _PAGE.search(start) else "an XML document", _EXPORT
    else:
        known = ((what, remedy) for magic, what, remedy in _MAGIC if head.startswith(magic))
        found = next(known, None)
    return _said(*found) if found else None


def _archive(file: Path, head: bytes) -> tuple[str, str]:
    names: list[str] = []
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (OSError, zipfile.BadZipFile, ValueError):
        names = [start for start, _, _ in _MEMBERS if start.encode() in head]
    for start, what, remedy in _MEMBERS:
        if any(name.startswith(start) for name in names):
            return what, remedy
    if not names:
        return "an Excel workbook or another zip archive", f"{_AS_CSV}, or unpack it"
    held = ", ".join(names[:_MEMBERS_SHOWN]) + (", ..." if len(names) > _MEMBERS_SHOWN else "")
    return f"a zip archive of {held}", _UNPACK


def _office(head: bytes) -> tuple[str, str]:
    for name, what, remedy in _OLE_STREAMS:
        if name.encode("utf-16-le") in head:
            return what, remedy
    return "an Excel workbook (.xls) or another Office document of the old kind", _AS_CSV


def _said(what: str, remedy: str) -> str:
    return f"{what}: {remedy}"
