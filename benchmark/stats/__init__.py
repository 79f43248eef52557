"""Statistics: intervals, paired tests, non-inferiority and power over clustered examples."""

from __future__ import annotations

from benchmark.stats.equivalence import NonInferiority, non_inferiority
from benchmark.stats.groups import nested
from benchmark.stats.intervals import Measured, difference_interval, score_interval
from benchmark.stats.power import (
    Needed,
    Question,
    Sample,
    design_effect,
    detectable,
    needed,
    power_of,
    yes_no_deviation,
)
from benchmark.stats.rates import Changes, Interval, mcnemar, tango, wilson
from benchmark.stats.resampling import (
    Estimate,
    bootstrap,
    paired_bootstrap,
    paired_randomisation,
)
from benchmark.stats.significance import Effect, Tested, adjust, effects, paired_test

__all__ = [
    "Changes",
    "Effect",
    "Estimate",
    "Interval",
    "Measured",
    "Needed",
    "NonInferiority",
    "Question",
    "Sample",
    "Tested",
    "adjust",
    "bootstrap",
    "design_effect",
    "detectable",
    "difference_interval",
    "effects",
    "mcnemar",
    "needed",
    "nested",
    "non_inferiority",
    "paired_bootstrap",
    "paired_randomisation",
    "paired_test",
    "power_of",
    "score_interval",
    "tango",
    "wilson",
    "yes_no_deviation",
]
