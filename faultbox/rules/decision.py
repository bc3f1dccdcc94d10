"""One call, the rules in force, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence

from faultbox.model.fault import ALLOW, ActionKind, Decision, Fired, Rule
from faultbox.rules.call import Call
from faultbox.rules.firing import drawn, due
from faultbox.rules.tally import Standing, Tally


def decide(standing: Sequence[Standing], call: Call, tally: Tally, seed: int) -> Decision:
    """What becomes of a call under the rules that speak of calls of its name, innermost scope first.

    The first rule that fires and answers (deny, allow) decides; delays of those before it add up.
    Every rule counts the calls it matches, decided by others or not, so that `nth=3` means the
    third matching call whatever stands beside it; only rules that did something have fired.
    """
    delay_ms, errno, answered = 0.0, 0, None
    fired: tuple[Fired, ...] = ()
    counters = tally.counters
    for each in standing:
        counters[each.seen] += 1
        if not each.any_call:
            match = _matches(each.rule, call)
            if not match:
                tally.miss(each, call, unresolved=match is None)
                continue
        counters[each.matched] += 1
        each.matches += 1
        rule = each.rule
        trigger = rule.fault.trigger
        if not each.always and not (due(trigger, each.matches) and drawn(rule, rule.service, call, seed, tally.turn)):
            continue
        if answered is not None:
            tally.shadowed[rule.id, answered.id] += 1
            continue
        counters[each.fired] += 1
        fired += (Fired(rule, each.matches),)
        action = rule.fault.action
        if action.answers:
            answered = rule
            errno = action.errno if action.kind is ActionKind.DENY else 0
        else:
            delay_ms += action.delay_ms
    return Decision(delay_ms, errno, fired) if fired else ALLOW


def _matches(rule: Rule, call: Call) -> bool | None:
    """None: it can't be known, so it does not match."""
    if rule.destinations and call.destination not in rule.destinations:
        return False
    kind, path = rule.fault.on, rule.path
    if kind is None and not path:
        return True
    things = [thing for thing in call.things(rule) if kind is None or thing.kind == kind]
    if not path:
        return bool(things)
    if any(thing.path and call.within(thing.path, path) for thing in things):
        return True
    return None if any(thing.path is None for thing in things) else False
