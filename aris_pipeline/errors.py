"""Defines every error that a user of the pipeline can meet, each with the remedy in its message.

A failure of one row is data (a quarantined or failed row), not an exception; the exceptions here
concern a file, a shard, a batch, the engine or the configuration.
"""


class ArisError(Exception):
    """The base of all errors that the pipeline raises on purpose; its text is for people."""


class ConfigError(ArisError):
    """A setting, a rubric or a model name cannot be used as given."""


class InputError(ArisError):
    """A landed file cannot be read or holds no usable row."""


class MissingDataError(ArisError):
    """A parquet file that a step needs is not there: the step before it has not run."""


class TooFewLabelsError(ArisError):
    """The labels of people do not allow what was asked for; the message says how many do."""


class DamagedDataError(ArisError):
    """A parquet file is there but cannot be read, or does not have the declared schema."""


class StorageError(ArisError):
    """A file cannot be written or, in an object store, not be read."""


class DiskError(StorageError):
    """A disk is full or read-only, or an object store refuses: other files fail, too."""


class InstanceError(ArisError):
    """The database server of Dagster's instance cannot be reached, or refuses."""


class BatchBusyError(ArisError):
    """Another live process runs this batch."""


class EngineError(ArisError):
    """The inference engine cannot start, or died while working."""


class EngineBusyError(EngineError):
    """Another live process holds the engine of this machine."""


class EngineDiedError(EngineError):
    """The engine died or hung at work; another engine may continue with the rows in flight.

    Attributes:
        cause: type, message and place of the exception that ended it; None if there is none.
    """

    def __init__(self, message: str, *, cause: str | None = None) -> None:
        super().__init__(message)
        self.cause = cause
