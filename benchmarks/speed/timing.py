"""Fair timing on a busy machine: variants take turns in one process, medians are compared."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

Work = Callable[[], object]


@dataclass(frozen=True)
class Times:
    """Seconds of the repetitions of one variant."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median of the repetitions."""
        return statistics.median(self.seconds)

    def rates(self, count: int) -> dict[str, float]:
        """How many a second, where each repetition brought so many: median and extremes."""
        return {
            "median": count / self.median,
            "lowest": count / max(self.seconds),
            "highest": count / min(self.seconds),
        }

    def summary(self) -> dict[str, float | int]:
        """Median, extremes and quartiles, for the JSON file."""
        ordered = sorted(self.seconds)
        quartile = len(ordered) // 4
        return {
            "median_s": self.median,
            "minimum_s": ordered[0],
            "quartile_low_s": ordered[quartile],
            "quartile_high_s": ordered[-1 - quartile],
            "maximum_s": ordered[-1],
            "repetitions": len(ordered),
        }


def alternate(
    variants: Mapping[str, Work],
    *,
    repetitions: int,
    calls: int = 1,
    warm_up: int = 1,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Times]:
    """Time variants in turns, A B A B ..., after a warm-up of each.

    Args:
        calls: of the work in one turn; what is reported is one call's share.
        warm_up: calls before the clock starts.
        clock: of seconds; `time.process_time` for work of one thread on a machine that is busy.
    """
    for work in variants.values():
        for _ in range(warm_up):
            work()
    wait()
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(repetitions):
        for name, work in variants.items():
            started = clock()
            for _ in range(calls):
                work()
            wait()
            seconds[name].append((clock() - started) / calls)
    return {name: Times(tuple(values)) for name, values in seconds.items()}


def least_seconds(
    work: Work, repetitions: int, clock: Callable[[], float] = time.perf_counter
) -> float:
    """The least of some calls, after one that is not counted: what else runs disturbs it least."""
    return min(alternate({"": work}, repetitions=repetitions, clock=clock)[""].seconds)


def ratio(slow: Times, fast: Times) -> dict[str, float]:
    """How many times faster: of the medians, and the middle half of the ratios turn by turn.

    Neighbouring turns met the same load, so that their ratio is steadier than either time.
    """
    ratios = sorted(a / b for a, b in zip(slow.seconds, fast.seconds, strict=True))
    quartile = len(ratios) // 4
    return {
        "ratio_of_medians": slow.median / fast.median,
        "median_of_ratios": statistics.median(ratios),
        "quartile_low": ratios[quartile],
        "quartile_high": ratios[-1 - quartile],
    }


def wait() -> None:
    """For the GPU to finish what was asked of it."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
