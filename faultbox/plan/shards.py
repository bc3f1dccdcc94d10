"""Which cases of a run a shard gets."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

from faultbox.model.plan import Case
from faultbox.model.shard import Shard


def part(cases: Sequence[Case], chosen: Collection[str], shard: Shard) -> tuple[Case, ...]:
    """A shard's cases, in the order of the run, and with them their controls.

    The chosen cases are dealt out in the order of a hash of their ids, so that shards differ by one
    case at most and a row of expensive neighbours doesn't fall to one of them. A control runs in every
    shard that has something it controls: no shard waits for another.
    """
    dealt = sorted((each for each in cases if each.id in chosen), key=_rank)[shard.index - 1 :: shard.count]
    keys = {(each.id, each.info.run) for each in dealt}
    keys |= {(each.info.control, each.info.run) for each in dealt}
    return tuple(each for each in cases if (each.id, each.info.run) in keys)


def _rank(case: Case) -> tuple[bytes, str, int]:
    text = f"{case.id}\0{case.info.run}"
    return hashlib.blake2b(text.encode(), digest_size=8).digest(), case.id, case.info.run
