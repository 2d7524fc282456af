"""Answers an auditor's questions about a batch: is it fair, is it stable, who decided what."""

from aris_pipeline.audit.log_verification import ERASED, LogFault, VerifiedLog, verify_log
from aris_pipeline.audit.verdict_log import (
    ERASURE,
    VERDICT,
    Head,
    Log,
    LogCounts,
    append_verdicts,
    log_entries,
    log_head,
    log_is_stale,
    open_log,
)

__all__ = [
    "ERASED",
    "ERASURE",
    "VERDICT",
    "Head",
    "Log",
    "LogCounts",
    "LogFault",
    "VerifiedLog",
    "append_verdicts",
    "log_entries",
    "log_head",
    "log_is_stale",
    "open_log",
    "verify_log",
]
