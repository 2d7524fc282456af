"""Answers an auditor's questions about a batch: is it fair, is it stable, who decided what."""
