import queue
import time

from aris_pipeline.engines.watchdog import Watchdog

Reasons = queue.Queue[str]


def test_a_step_that_never_ends_is_ended_by_the_watchdog() -> None:
    reasons = Reasons()

    with Watchdog(0.05, lambda: True, reasons.put) as watchdog, watchdog.step():
        assert "no token" in reasons.get(timeout=5)


def test_a_step_that_waits_for_a_process_that_has_ended_is_ended_at_once() -> None:
    reasons = Reasons()

    with Watchdog(300, lambda: False, reasons.put) as watchdog, watchdog.step():
        assert "process" in reasons.get(timeout=5)

    assert watchdog.reason is not None


def test_steps_that_come_back_in_time_are_left_alone() -> None:
    with Watchdog(0.5, lambda: True, lambda _reason: None) as watchdog:
        for _step in range(8):
            with watchdog.step():
                time.sleep(0.1)

    assert watchdog.reason is None


def test_time_between_steps_does_not_count() -> None:
    with Watchdog(0.05, lambda: True, lambda _reason: None) as watchdog:
        with watchdog.step():
            pass
        time.sleep(0.2)

    assert watchdog.reason is None
