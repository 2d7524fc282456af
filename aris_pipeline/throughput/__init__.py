"""What a shard cost: rates, latencies, memory, energy, and what larger batches would cost."""

from aris_pipeline.throughput.measure import Measurement, measure_shard

__all__ = ["Measurement", "measure_shard"]
