"""From a spec to the cases of a run, and what the world of each must hold.

`plan()` makes the cases in the order in which they start, `needs()` says what one of them needs.
"""

from faultbox.plan.cases import DEFAULT_TIMEOUT_MS, plan
from faultbox.plan.needs import needs
from faultbox.plan.seeds import case_seed
from faultbox.plan.select import NothingSelected

__all__ = ["DEFAULT_TIMEOUT_MS", "NothingSelected", "case_seed", "needs", "plan"]
