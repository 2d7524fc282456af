"""What a database server of Dagster's, or the way to it, does wrong, in words for people.

Which database there is says `dagster.yaml`. Without `storage: postgres` in it Dagster keeps SQLite
files, whose errors `instance.py` names.
"""

import os
import re
import sqlite3
from pathlib import Path

import sqlalchemy.exc
from dagster import DagsterInvalidConfigError
from dagster._core.instance.ref import InstanceRef

from aris_pipeline.errors import ArisError, ConfigError, InstanceError

_PACKAGES = ("dagster_postgres", "psycopg2")
_OTHER_DRIVER = "psycopg"  # what SQLAlchemy 2.1 takes `postgresql://` for; Dagster's is psycopg2
_CREDENTIALS = re.compile(r"://\S*@")
_FORM = "postgresql+psycopg2://USER:PASSWORD@HOST:5432/DATABASE"


def refuse_ambiguous_address(ref: InstanceRef) -> None:
    """Refuses a URL that a driver would take apart at the wrong place.

    With an `@` in the password the rest of the password counts as the host, whose name is part of
    every error message.

    Raises:
        ConfigError: the URL has more than one `@`.
    """
    config = ref.storage_data.config_dict if ref.storage_data else {}
    given = config.get("postgres_url", "")
    url = os.environ.get(given.get("env", ""), "") if isinstance(given, dict) else str(given)
    if url.count("@") > 1:
        raise ConfigError(
            "the URL of Dagster's database has more than one @: write those in the password as %40"
        )


def database_error(cause: BaseException, home: Path) -> ArisError | None:
    """Returns the error of ours for what a database server has caused; none for anything else."""
    settings = home / "dagster.yaml"
    match cause:
        case ModuleNotFoundError(name=name) if name in _PACKAGES:
            return ConfigError(
                f"{settings} asks for PostgreSQL, and the package {name} is not installed: "
                'pip install -e ".[postgres]"'
            )
        case DagsterInvalidConfigError():
            said = "; ".join(_without_password(error.message) for error in cause.errors)
            return ConfigError(f"{settings} cannot be used: {said}")
        case ModuleNotFoundError(name=name) if name == _OTHER_DRIVER:
            return _malformed(settings)
        case sqlalchemy.exc.ArgumentError():
            return _malformed(settings)  # its own text may hold the URL
        case sqlalchemy.exc.DBAPIError(orig=orig) if not isinstance(orig, sqlite3.Error):
            said = _without_password(str(orig).strip().partition("\n")[0])
            return InstanceError(
                f"Dagster's database does not serve: {said}. See to the server, and to its address "
                f"and user in {settings}, then run the same command: it goes on from what is "
                "finished"
            )
    return None


def _malformed(settings: Path) -> ConfigError:
    return ConfigError(f"the URL of Dagster's database in {settings} must be like {_FORM}")


def _without_password(text: str) -> str:
    return _CREDENTIALS.sub("://***@", text)
