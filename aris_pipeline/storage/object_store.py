"""Reads and writes files of an S3-compatible object store under names like those of `pathlib`.

Each question of a path goes to the store through obstore: nothing is cached. An object appears
whole, by one request, or not at all. `docs/decisions/0019-object-stores.md` describes the other
differences from a disk.

Credentials and endpoint come from the `AWS_*` variables and from nowhere else.
"""

import errno
import os
import re
import stat
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from fnmatch import fnmatchcase
from functools import cache
from operator import itemgetter
from pathlib import PosixPath, PurePosixPath
from typing import TYPE_CHECKING, Self
from urllib.parse import urlsplit

from aris_pipeline.errors import ConfigError, DiskError

if TYPE_CHECKING:
    from obstore import ObjectMeta
    from obstore.store import S3Store

_PATIENCE_S = 120
_ATTEMPTS = "9"
"""Together some ten seconds, during which a store may be unreachable without harm to a run."""

_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
_CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)


class ObjectPath(PosixPath):
    """The name of an object, or of all objects below a prefix: `s3://bucket/prefix/name`.

    It is a `Path`, so that code for a data directory need not know where that is. The methods here
    do what those of `Path` do; all others that would go to the disk raise `TypeError`. A path that
    `glob` has found keeps its facts from the listing, which saves a request for each.

    Raises:
        DiskError: the store cannot be reached, or refuses; every method that asks it raises this.
    """

    __slots__ = ("_listed",)
    _listed: "ObjectMeta"

    def __str__(self) -> str:
        if self.parts[:1] != ("s3:",):
            return super().__str__()  # relative to another
        return "s3://" + "/".join(self.parts[1:])

    def __fspath__(self) -> str:
        raise TypeError(f"{self} is no file on a disk")

    def absolute(self) -> Self:
        """Returns the path itself: a URL is always absolute."""
        return self

    def read_bytes(self) -> bytes:
        """Returns the content of the object.

        Raises:
            FileNotFoundError: there is no such object.
        """
        with self._named_errors("read"):
            return self._store().get(self._key).bytes().to_bytes()

    def write_bytes(self, content: bytes | bytearray) -> int:  # type: ignore[override] # narrower
        """Puts the object in one request: it appears whole, in place of the previous one."""
        with self._named_errors("written"):
            self._store().put(self._key, bytes(content), use_multipart=False)
        return len(content)

    def create(self, content: bytes) -> bool:
        """Puts the object if there is none; of several attempts, only one succeeds."""
        from obstore.exceptions import AlreadyExistsError  # noqa: PLC0415 - an extra

        with self._named_errors("written"):
            try:
                self._store().put(self._key, content, use_multipart=False, mode="create")
            except AlreadyExistsError:
                return False
        return True

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:  # noqa: ARG002 - of `Path`
        """Returns size and time of the object; the store's clock counts whole seconds.

        Raises:
            FileNotFoundError: there is no such object.
        """
        said = self._said()
        second = int(said["last_modified"].timestamp())
        return os.stat_result(
            (stat.S_IFREG, 0, 0, 0, 0, 0, said["size"], second, second, second),
            {"st_mtime_ns": second * 10**9},
        )

    @property
    def version(self) -> tuple[int, str]:
        """Returns second and tag of the object; another content has another tag."""
        said = self._said()
        return int(said["last_modified"].timestamp()), said["e_tag"] or ""

    def exists(self) -> bool:
        """Returns whether there is such an object, or any below it."""
        try:
            self._said()
        except FileNotFoundError:
            return next(self._objects(), None) is not None
        return True

    def glob(self, pattern: str) -> Generator[Self, None, None]:
        """Yields the matches, by one listing of all below the part without wildcards.

        `**` is not a wildcard here. A directory has the time of the newest object in it.
        """
        wanted = PurePosixPath(pattern).parts
        fixed = next((at for at, part in enumerate(wanted) if "*" in part), len(wanted) - 1)
        above, wanted = self.joinpath(*wanted[:fixed]), wanted[fixed:]
        found: dict[Self, ObjectMeta] = {}
        for path, said in above._objects():
            below = path.parts[len(above.parts) :]
            if len(below) >= len(wanted) and all(map(fnmatchcase, below, wanted)):
                match = above.joinpath(*below[: len(wanted)])
                found[match] = max(found.get(match, said), said, key=itemgetter("last_modified"))
        for match, newest in found.items():
            match._listed = newest
            yield match

    def rglob(self, pattern: str) -> Generator[Self, None, None]:
        """Refuses the call, because `Path` would look on the disk, whatever `__fspath__` says."""
        raise TypeError(f"{self} is no directory on a disk to search for {pattern}")

    def remove(self) -> None:
        """Removes the object, and all below it."""
        keys = [path._key for path, _said in self._objects()]
        with self._named_errors("removed"):
            self._store().delete([*keys, self._key])

    def _objects(self) -> Iterator[tuple[Self, "ObjectMeta"]]:
        """Yields all objects below, with the store's facts about them, by name."""
        with self._named_errors("listed"):
            for page in self._store().list(self._key or None):
                for said in page:
                    yield type(self)(*self.parts[:2], said["path"]), said

    def _said(self) -> "ObjectMeta":
        """Returns the store's facts about the object, now or from its listing."""
        listed: ObjectMeta | None = getattr(self, "_listed", None)
        if listed is not None:
            return listed
        with self._named_errors("read"):
            return self._store().head(self._key)

    @property
    def _key(self) -> str:
        return "/".join(self.parts[2:])

    def _store(self) -> "S3Store":
        return _open_bucket(self.parts[1])

    @contextmanager
    def _named_errors(self, done: str) -> Iterator[None]:
        """Rewords the store's errors, because its own words may quote the request.

        Raises:
            FileNotFoundError: there is no such object.
            DiskError: any other failure.
        """
        from obstore.exceptions import BaseError  # noqa: PLC0415 - an extra

        try:
            yield
        except (FileNotFoundError, BaseError) as error:
            if isinstance(error, FileNotFoundError) and "NoSuchBucket" not in str(error):
                raise FileNotFoundError(errno.ENOENT, "no such object", str(self)) from None
            reason, remedy = _reason(str(error), self.parts[1])
            raise DiskError(
                f"{self} cannot be {done}: {reason}. {remedy}, then run the same command: it goes "
                "on from what is finished"
            ) from None


@cache
def _open_bucket(bucket: str) -> "S3Store":
    """Returns the client of a bucket; it does not send a request yet."""
    from obstore.store import S3Store  # noqa: PLC0415 - an extra

    if not any(name in os.environ for name in _CREDENTIALS):
        # Otherwise it asks an address that only machines at Amazon have.
        raise ConfigError(
            f"there are no credentials for s3://{bucket}: set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY, and AWS_ENDPOINT_URL where the store is not Amazon's"
        )
    attempts = os.environ.get("AWS_MAX_ATTEMPTS", _ATTEMPTS)
    if not attempts.isdigit():
        raise ConfigError(f"AWS_MAX_ATTEMPTS is {attempts!r}: give a number")
    patience = timedelta(seconds=_PATIENCE_S)
    return S3Store(
        bucket,
        client_options={"allow_http": True, "timeout": patience},
        retry_config={"max_retries": max(int(attempts) - 1, 0), "retry_timeout": patience},
    )


_CODE = re.compile(r"<Code>(\w+)</Code>|\(code: (\w+)\)")
_STATUS = re.compile(r"status code: (\d+ [\w ]+)")
_UNKNOWN_KEY = (
    *("InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidToken", "ExpiredToken"),
    *("InvalidClientTokenId", "TokenRefreshRequired"),
)
_OTHER_REGION = ("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraint")


def _reason(said: str, bucket: str) -> tuple[str, str]:
    """Explains a store's error, and the remedy."""
    code = next((one or other for one, other in _CODE.findall(said)), "")
    status = next(iter(_STATUS.findall(said)), "")
    if code == "NoSuchBucket":
        return f"there is no bucket {bucket} at {endpoint()}", "Create it, or name another"
    if code in _UNKNOWN_KEY:
        remedy = "See to AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN"
        return f"the store does not take the credentials ({code})", remedy
    if code in _OTHER_REGION or "incorrectly configured region" in said:
        return f"bucket {bucket} is in another region", "Set AWS_REGION"
    if status[:3] in ("401", "403") or code == "AccessDenied":
        remedy = f"See that they are right, and may list, read, write and delete in {bucket}"
        return f"access is denied with these credentials ({code or status})", remedy
    if not status and not code:
        return f"{endpoint()} cannot be reached", "See to the network and AWS_ENDPOINT_URL"
    return f"{endpoint()} answers {status or code}", "See to the store"


def endpoint() -> str:
    """Returns the address of the store, without a user name that it may contain."""
    chosen = next((os.environ[name] for name in _ENDPOINTS if os.environ.get(name)), None)
    return urlsplit(chosen).netloc.rpartition("@")[2] if chosen else "s3.amazonaws.com"
