"""Answers an auditor's questions about a batch: is it fair, is it stable, who decided what."""

from aris_pipeline.audit.asking import Asking, version_of_rubric
from aris_pipeline.audit.demographics import Demographics, read_demographics
from aris_pipeline.audit.erased_files import PAGES
from aris_pipeline.audit.erasure import Erasure, begin_removal, erase, finish_erasure, locked
from aris_pipeline.audit.erasure_plan import ErasurePlan, history_folders, plan_erasure
from aris_pipeline.audit.hash_chain import is_as_logged
from aris_pipeline.audit.holds import Hold, add_hold, read_holds, refuse_held, release_hold
from aris_pipeline.audit.impact import MeasuredImpact, measure_impact
from aris_pipeline.audit.impact_ratios import compare_categories, in_words
from aris_pipeline.audit.log_verification import ERASED, LogFault, VerifiedLog, verify_log
from aris_pipeline.audit.probe import probe_batch
from aris_pipeline.audit.probe_wording import (
    faults_of_probe,
    probe_in_words,
    stability_in_words,
    suggested_band,
)
from aris_pipeline.audit.retention import Expired, expired_batches
from aris_pipeline.audit.selecting import SCORING, TRIAGE
from aris_pipeline.audit.stability import measure_stability
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
    "SCORING",
    "TRIAGE",
    "VERDICT",
    "Asking",
    "Demographics",
    "Erasure",
    "ErasurePlan",
    "Expired",
    "Head",
    "Hold",
    "Log",
    "LogCounts",
    "LogFault",
    "MeasuredImpact",
    "VerifiedLog",
    "add_hold",
    "append_verdicts",
    "begin_removal",
    "clean_folder",
    "compare_categories",
    "erase",
    "expired_batches",
    "faults_of_probe",
    "finish_erasure",
    "history_folders",
    "in_words",
    "is_as_logged",
    "locked",
    "log_entries",
    "log_head",
    "log_is_stale",
    "measure_impact",
    "measure_stability",
    "open_log",
    "plan_erasure",
    "probe_batch",
    "probe_in_words",
    "read_demographics",
    "read_holds",
    "refuse_held",
    "release_hold",
    "stability_in_words",
    "suggested_band",
    "verify_log",
    "version_of_rubric",
]
