"""From a spec to the cases of a run, and what the world of each must hold.

`plan()` makes the cases in the order in which they start, `needs()` says what one of them needs,
`judged()` what filters and functions of events need that judge by their absence, `watched()` what a monitor does.
"""

from faultbox.plan.asked import ALL_CALLS, Asked
from faultbox.plan.bodies import judged, watched
from faultbox.plan.cases import DEFAULT_TIMEOUT_MS, plan
from faultbox.plan.needs import calls_of, needs
from faultbox.plan.seeds import case_seed
from faultbox.plan.select import NothingSelected

__all__ = [
    "ALL_CALLS",
    "DEFAULT_TIMEOUT_MS",
    "Asked",
    "NothingSelected",
    "calls_of",
    "case_seed",
    "judged",
    "needs",
    "plan",
    "watched",
]
