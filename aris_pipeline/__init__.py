"""aris_pipeline: candidate batches in, scored and explained parquet out, with a local LLM."""

__version__ = "0.3.0"
