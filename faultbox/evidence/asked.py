"""How a recorded run was asked for, read from a bundle that may be a stranger's."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from faultbox.evidence.errors import BadBundle
from faultbox.model.frozen import frozen
from faultbox.model.shard import Shard

_MAX = 999_999
"""Runs of a case, and shards of a run, as the command line takes them."""


@frozen
class Asked:
    """The options of `faultbox test` that decide what a run is."""

    select: tuple[str, ...]
    runs: int
    timeout_ms: float | None
    strict: bool
    control: bool
    shard: Shard | None


def read_asked(options: Mapping[str, Any], bad: Callable[[str], BadBundle]) -> Asked:
    """The options of a manifest. Raises what `bad` makes of a reason."""

    def take(name: str, value: Any, *, fits: bool) -> Any:
        if not fits:
            raise bad(f"manifest.json: options.{name} can't be {str(value)[:40]!r}")
        return value

    select, runs, timeout = options.get("select", []), options.get("runs", 1), options.get("timeout_ms")
    strict, control = options.get("strict", False), options.get("control", True)
    strings = isinstance(select, list) and all(isinstance(each, str) for each in select)
    number = timeout is None or (type(timeout) in {int, float} and 0 < timeout < math.inf)
    return Asked(
        select=tuple(take("select", select, fits=strings)),
        runs=take("runs", runs, fits=type(runs) is int and 1 <= runs <= _MAX),
        timeout_ms=None if take("timeout_ms", timeout, fits=number) is None else float(timeout or 0),
        strict=take("strict", strict, fits=type(strict) is bool),
        control=take("control", control, fits=type(control) is bool),
        shard=_shard(options.get("shard"), take),
    )


def _shard(text: Any, take: Callable[..., Any]) -> Shard | None:
    if text is None:
        return None
    index, _, count = str(text).partition("/")
    digits = all(each.isascii() and each.isdigit() and len(each) <= len(str(_MAX)) for each in (index, count))
    take("shard", text, fits=isinstance(text, str) and digits and 1 <= int(index) <= int(count))
    return Shard(int(index), int(count))
