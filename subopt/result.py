"""What a solver returns besides its answer: why it stopped."""

from __future__ import annotations

import enum


class Status(enum.Enum):
    """Why a solver stopped; the value is the sentence."""

    OPTIMAL = "the lower bound meets the value: no better answer exists"
    LOCAL_MINIMUM = "no move of the kinds that were tried lowers the value"
    SEARCHED = "the search that the effort describes ran to its end; nothing better was found"
    MAX_SWEEPS = "stopped after max_sweeps sweeps; the best answer so far is returned"
    TIME_LIMIT = "stopped at time_limit; the best answer so far is returned"
    RULE_ENDED = "the sweeps of the published rule are done; their last labeling is returned"
    CONVERGED = "the relative change of a sweep fell below the tolerance of the published rule"

    def __str__(self) -> str:
        return f"{self.name}: {self.value}"
