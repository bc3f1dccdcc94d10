"""Pure decisions: which calls a fault meets, when it fires and what it then does.

Nothing here knows the kernel: the caller shows a call through `Call` and keeps the counts in a
`Tally`. Every random decision is drawn from the seed and the call's identity.
"""

from faultbox.rules.binding import bind, compose
from faultbox.rules.call import Call, Thing
from faultbox.rules.decision import decide
from faultbox.rules.draws import draw
from faultbox.rules.globs import BadGlob, literal_part, meets
from faultbox.rules.messages import (
    MessageStanding,
    MessageTally,
    bind_assumption_messages,
    bind_messages,
    decide_message,
    delays_only,
    matches,
)
from faultbox.rules.patterns import tester
from faultbox.rules.tally import Standing, Tally

__all__ = [
    "BadGlob",
    "Call",
    "MessageStanding",
    "MessageTally",
    "Standing",
    "Tally",
    "Thing",
    "bind",
    "bind_assumption_messages",
    "bind_messages",
    "compose",
    "decide",
    "decide_message",
    "delays_only",
    "draw",
    "literal_part",
    "matches",
    "meets",
    "tester",
]
