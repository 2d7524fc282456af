"""Answers an auditor's questions about a batch: is it fair, is it stable, who decided what."""

from aris_pipeline.audit.erased_files import PAGES
from aris_pipeline.audit.erasure import Erasure, begin_removal, erase, finish_erasure, locked
from aris_pipeline.audit.erasure_plan import ErasurePlan, history_folders, plan_erasure
from aris_pipeline.audit.holds import Hold, add_hold, read_holds, refuse_held, release_hold
from aris_pipeline.audit.log_verification import ERASED, LogFault, VerifiedLog, verify_log
from aris_pipeline.audit.retention import Expired, expired_batches
from aris_pipeline.audit.traces import clean_folder
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
    "PAGES",
    "VERDICT",
    "Erasure",
    "ErasurePlan",
    "Expired",
    "Head",
    "Hold",
    "Log",
    "LogCounts",
    "LogFault",
    "VerifiedLog",
    "add_hold",
    "append_verdicts",
    "begin_removal",
    "clean_folder",
    "erase",
    "expired_batches",
    "finish_erasure",
    "history_folders",
    "locked",
    "log_entries",
    "log_head",
    "log_is_stale",
    "open_log",
    "plan_erasure",
    "read_holds",
    "refuse_held",
    "release_hold",
    "verify_log",
]
