"""The shipped rubric and a real tokenizer."""

from aris_pipeline_tests.unit.prompts.conftest import rubric, tokenizer

__all__ = ["rubric", "tokenizer"]
