"""When a rule fires, for calls and messages alike: the one place where triggers count and draws are made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from faultbox.model.fault import Rule, Trigger
from faultbox.model.message import MessageRule
from faultbox.rules.draws import draw


class Identified(Protocol):
    """What is decided on. Its identity may cost, so it is asked for only where a draw is made."""

    @property
    def identity(self) -> str: ...


def due(trigger: Trigger, number: int) -> bool:
    """Whether the counting triggers agree with the `number`-th match."""
    return (
        (trigger.nth is None or number == trigger.nth)
        and (trigger.first is None or number <= trigger.first)
        and (trigger.after is None or number > trigger.after)
        and (trigger.every is None or number % trigger.every == 0)
    )


def drawn(rule: Rule | MessageRule, service: str, what: Identified, seed: int, turn: Callable[[str, str], int]) -> bool:
    """Whether the draw for what `service` does agrees; `turn` counts the draws of a rule and an identity, from 1."""
    probability = rule.fault.trigger.probability
    if probability >= 1 or probability <= 0:
        return probability >= 1
    identity = what.identity
    return draw(seed, rule.id, service, identity, turn(rule.id, f"{service} {identity}")) < probability
