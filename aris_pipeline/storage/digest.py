"""Seals a parquet file with a digest of itself, so that damage cannot pass for data.

Nothing in parquet notices a flipped bit: see `docs/decisions/0009-digest-in-the-footer.md`. The
digest is the sha256 of the whole file with zeros in its own place. It is a key-value pair in the
footer, which every reader of parquet accepts.
"""

import hashlib

DIGEST_KEY = "aris.sha256"
BLANK = "0" * 64

# Thrift's compact protocol writes the pair in this form: the key, then field 2, a binary of 64
# bytes.
_MARK = DIGEST_KEY.encode() + b"\x18\x40"


def seal(content: bytearray) -> None:
    """Puts the digest into a file that was written with `BLANK` as the value of `DIGEST_KEY`."""
    start = content.rindex(_MARK) + len(_MARK)
    content[start : start + len(BLANK)] = hashlib.sha256(content).hexdigest().encode()


def is_intact(content: bytes) -> bool:
    """Returns whether a file is what was written; also true for a file without a digest."""
    mark = content.rfind(_MARK)
    if mark < 0:
        return True
    start = mark + len(_MARK)
    end = start + len(BLANK)
    view = memoryview(content)
    found = hashlib.sha256(view[:start])
    found.update(BLANK.encode())
    found.update(view[end:])
    return found.hexdigest().encode() == content[start:end]
