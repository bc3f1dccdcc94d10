"""From a spec to the cases of a run, and what the world of each must hold.

`plan()` makes the cases in the order in which they start, `needs()` says what one of them needs,
`judged()` what a function that judges events does.
"""

from faultbox.plan.asked import ALL_CALLS, watched_by
from faultbox.plan.bodies import judged
from faultbox.plan.cases import DEFAULT_TIMEOUT_MS, plan
from faultbox.plan.needs import needs
from faultbox.plan.seeds import case_seed
from faultbox.plan.select import NothingSelected

__all__ = [
    "ALL_CALLS",
    "DEFAULT_TIMEOUT_MS",
    "NothingSelected",
    "case_seed",
    "judged",
    "needs",
    "plan",
    "watched_by",
]
