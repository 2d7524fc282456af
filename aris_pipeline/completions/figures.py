"""Measures the engine and its machine from the end of one shard to the end of the next.

Shards overlap in time, so each gets what was measured since the previous one ended. Of figures that
add up (loads, restarts, energy) nothing is counted twice, and nothing is left out.
"""

import time

from aris_pipeline.completions.clock import EngineClock, EngineTime
from aris_pipeline.completions.stats import GenerationStats
from aris_pipeline.engines import EngineSession
from aris_pipeline.models import Telemetry

_KV_SAMPLE_EVERY_S = 2.0


class EngineFigures:
    """Measures a session from `begin` to `end`."""

    def __init__(self, session: EngineSession, loaded_s: float, restarts: int) -> None:
        """Starts from these seconds of loading and these restarts, which are not counted."""
        self._session = session
        self._loaded_s, self._restarts = loaded_s, restarts
        self._clock: EngineClock | None = None
        self._telemetry: Telemetry | None = None
        self._kv_peak: float | None = None
        self._kv_sampled = 0.0

    def begin(self) -> EngineClock:
        """Starts the clock, which measures how the engine spends its time."""
        self._clock, self._kv_sampled = EngineClock(), time.monotonic()
        self._telemetry = Telemetry().__enter__()
        return self._clock

    def lap(self) -> EngineTime:
        """Returns the engine's time since the last row was finished."""
        now = time.monotonic()
        if now - self._kv_sampled >= _KV_SAMPLE_EVERY_S:
            self._kv_sampled = now
            if (usage := self._session.kv_cache_usage()) is not None:
                self._kv_peak = max(self._kv_peak or 0.0, usage)
        return self._clock.lap() if self._clock else EngineTime()

    def figures(self, spent: EngineTime) -> GenerationStats:
        """Returns the figures of a shard that has ended, and starts over for the next.

        Args:
            spent: the engine's time for the shard.
        """
        session, measured = self._session, self._telemetry or Telemetry()
        self.end()
        found = GenerationStats(
            engine=session.info.name if session.info else "none",
            replicas=session.info.replicas if session.info else None,
            load_s=session.load_s - self._loaded_s,
            engine_restarts=session.restarts - self._restarts,
            generate_s=spent.total,
            busy_s=spent.busy,
            starved_s=spent.starved,
            draining_s=spent.draining,
            kv_cache_tokens=session.info.kv_cache_tokens if session.info else None,
            kv_cache_peak=self._kv_peak,
            cpu_percent=measured.cpu_percent,
            rss_peak_gib=measured.rss_peak_gib,
            gpu_memory_peak_gib=measured.gpu_memory_peak_gib,
            gpu_utilization=measured.gpu_utilization,
            gpu_energy_wh=measured.gpu_energy_wh,
        )
        self._loaded_s, self._restarts, self._kv_peak = session.load_s, session.restarts, None
        self._telemetry = Telemetry().__enter__()
        return found

    def end(self) -> None:
        """Stops measuring."""
        if self._telemetry:
            self._telemetry.__exit__()
            self._telemetry = None
