"""What differs in every run of the same thing: times, pids, ports, addresses, ids and names drawn at random."""

from __future__ import annotations

import re
from functools import lru_cache

_ACCIDENTS = re.compile(
    r"""
      (?<![\d-])\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?)?   # 2026-04-23T11:12:34Z
    | (?<!\d)\d{1,2}[ /](?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*[ /]\d{4}      # 23 Apr 2026
    | (?<!\d)\d\d:\d\d:\d\d(?:[.,]\d+)?(?:[ ][+-]\d{4})?                                     # 11:12:34.567
    | (?<![\w.])\d+(?:\.\d+)?(?:ns|us|µs|ms|s)\b                                              # 12.5ms
    | [0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}                                     # a UUID
    | \b0x[0-9a-fA-F]+                                                                        # an address
    | (?<![0-9A-Za-z])(?=[0-9a-f]*\d)[0-9a-f]{16,}(?![0-9A-Za-z])                               # an id in hexadecimal
    | (?<=/)tmp\w{6,} | \btmp\.\w{6,}                                                         # mkstemp(3), mktemp(1)
    | (?<=/proc/)\d+ | (?<=:\[)\d+(?=\])                                                      # pids, inodes of sockets
    | (?P<kept>\b(?i:pid)\W{1,3})\d+ | (?<=\w\[)\d+(?=\]:) | ^\d+(?=:[A-Z][ ])        # as of syslog and redis
    | \d{5,}(?:\.\d+)?                                                                       # pids, ports, times
    """,
    re.VERBOSE,
)


@lru_cache(maxsize=4096)
def masked(text: str) -> str:
    """The text with `_` for everything of that kind."""
    return _ACCIDENTS.sub(r"\g<kept>_", text)
