"""Every error that a user of the pipeline can meet, each with the remedy in its message.

A failure of one row is data (a quarantined or failed row), not an exception; what is raised
here concerns a file, a shard, a batch, the engine or the configuration.
"""


class ArisError(Exception):
    """Base of all errors that the pipeline raises on purpose; its text is meant for people."""


class ConfigError(ArisError):
    """A setting, a rubric or a model name cannot be used as given."""


class InputError(ArisError):
    """A landed file cannot be read or holds no usable row."""


class MissingDataError(ArisError):
    """A parquet file that a step needs is not there: the step before it has not run."""


class DamagedDataError(ArisError):
    """A parquet file is there but cannot be read, or does not have the declared schema."""


class StorageError(ArisError):
    """A file cannot be written; of an object store, also not read."""


class DiskError(StorageError):
    """A disk is full or read-only, or an object store refuses: other files meet it too."""


class InstanceError(ArisError):
    """The database server of Dagster's instance is away, or refuses."""


class BatchBusyError(ArisError):
    """Another live process runs this batch."""


class EngineError(ArisError):
    """The inference engine cannot start, or died while working."""


class EngineBusyError(EngineError):
    """Another live process holds the engine of this machine."""


class EngineDiedError(EngineError):
    """The engine died or hung at work; another one may go on with the rows that were in flight.

    Attributes:
        cause: type, message and place of the exception that ended it; None if it left none.
    """

    def __init__(self, message: str, *, cause: str | None = None) -> None:
        super().__init__(message)
        self.cause = cause
