"""Answers an auditor's questions about a batch: is it fair, is it stable, who decided what."""

from aris_pipeline.audit.asking import Asking, version_of_rubric
from aris_pipeline.audit.demographics import Demographics, read_demographics
from aris_pipeline.audit.hash_chain import EMPTIED, is_as_logged
from aris_pipeline.audit.impact import MeasuredImpact, measure_impact
from aris_pipeline.audit.impact_ratios import compare_categories, in_words
from aris_pipeline.audit.log_verification import ERASED, VerifiedLog, verify_log
from aris_pipeline.audit.probe import probe_batch
from aris_pipeline.audit.probe_wording import (
    faults_of_probe,
    probe_in_words,
    stability_in_words,
    suggested_band,
)
from aris_pipeline.audit.quarantined import Quarantined, read_quarantined
from aris_pipeline.audit.selecting import ASSESSED, SCORING, TRIAGE
from aris_pipeline.audit.stability import measure_stability
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
    log_lock,
    open_log,
    whole_log_head,
)

__all__ = [
    "ASSESSED",
    "EMPTIED",
    "ERASED",
    "ERASURE",
    "SCORING",
    "TRIAGE",
    "VERDICT",
    "Asking",
    "Demographics",
    "Head",
    "Log",
    "LogCounts",
    "MeasuredImpact",
    "Quarantined",
    "VerifiedLog",
    "append_verdicts",
    "compare_categories",
    "faults_of_probe",
    "in_words",
    "is_as_logged",
    "log_entries",
    "log_head",
    "log_is_stale",
    "log_lock",
    "measure_impact",
    "measure_stability",
    "open_log",
    "probe_batch",
    "probe_in_words",
    "read_demographics",
    "read_quarantined",
    "stability_in_words",
    "suggested_band",
    "verify_log",
    "version_of_rubric",
    "whole_log_head",
]
