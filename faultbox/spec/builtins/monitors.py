"""monitor(): what must hold at every event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from faultbox.model import event_types
from faultbox.model.event import Event
from faultbox.model.frozen import frozen
from faultbox.model.host import AssertionFailed, Inconclusive, current
from faultbox.model.spec import Function, Monitor
from faultbox.spec.builtins import kinds, matchers
from faultbox.spec.builtins.acting import acts
from faultbox.spec.builtins.declarations import Declarations
from faultbox.spec.builtins.declare import LOOKING, Call, builtin, judging
from faultbox.spec.builtins.matchers import Matcher
from faultbox.spec.builtins.services import service_or_name
from faultbox.spec.builtins.values import function_name, invoke, is_function, nearest_name, show
from faultbox.spec.builtins.wrong import Wrong
from faultbox.spec.semantics.values import Dict, List

ALLOWED = ", ".join(sorted(LOOKING))


def _name_or_function(value: Any, label: str) -> Any:
    """a name, or the function that would be check"""
    return kinds.name(value, label) if isinstance(value, str) else kinds.function(value, label)


@builtin(
    "monitor",
    name=_name_or_function,
    service=service_or_name,
    on=matchers.matcher,
    state_init=kinds.anything,
    update=kinds.function_of(2),
    check=kinds.function,
)
def monitor(
    call: Call,
    name: str | Function | None = None,
    *,
    service: str = "",
    on: Matcher | None = None,
    state_init: Any = None,
    update: Function | None = None,
    check: Function | None = None,
) -> Monitor:
    """Looks at the events of a case, in order; the case fails where a function raises, calls fail() or gives False.

    At the top level it watches every case, unless it is passed to monitors= of something: then it
    watches the cases that use that. Inside a scenario it watches the running case, from its first event.

    With state_init or update it has a state, afresh in every case. For each event that it is about, update is called
    first, then check. Its functions judge: they may not act on the world, wait, or declare anything.

    name: what it is called; a function here is check, and gives its name
    service: only events of this service
    on: only events that this means: a matcher, a dict of filters, or a function of an event
    state_init: the state before the first event: a value, which is copied, or a function that makes one
    update: called with an event and the state; gives the next state, or None where it changed it in place
    check: called with an event (and the state, where it takes two arguments or there is one); False is a violation
    gives: a monitor
    """
    named = name if isinstance(name, str) else ""
    first = None if isinstance(name, str) else name
    if first is not None and check is not None:
        message = "two functions: the one that is given first is check, and check= is given too"
        raise Wrong("DUPLICATE_ARGUMENT", message, accepted='a name first: monitor("stock", check=...)', at="check")
    parts = Parts(named, on, state_init, update, first or check)
    with call.noting("name" if first is not None else "check"):
        _check_parts(parts)
    _check_service(call, service, "service")
    shapes = matchers.shapes_of(on) if on is not None else None
    _warn_of_types(call, shapes or ())
    about = matchers.alternatives(on) if on is not None else (({}, ()),)
    for filters, _ in about:
        named = filters.get("service", "")
        _check_service(call, "" if {"*", "?"} & set(named) else named, "on")
    made = Monitor(parts.name, parts.begin, call.position, service, shapes, parts.functions, about, parts.judges)
    host = current.get(None)
    if host is None:
        call.state(Declarations).monitors.append(made)
        return made
    for what, position in acts(made.functions):
        raise Wrong("MONITOR_ACTS", f"{acting(made, what)} (at {position})", accepted=ALLOWED)
    host.watch(made)
    return made


def _check_parts(parts: Parts) -> None:
    if parts.check is not None:
        kinds.function_of(2 if parts.both else 1)(parts.check, "check")
    elif parts.update is None:
        raise Wrong("MISSING_ARGUMENT", "which function? pass it first, or check= (or update=, if that raises)")
    elif not parts.named:
        raise Wrong("MISSING_ARGUMENT", "needs a name: pass it first", at="update")


def acting(made: Monitor, what: str) -> str:
    """What is said of a monitor whose functions do more than judge."""
    return f"monitor {made.name!r} only judges what happens, but calls {what}"


def _warn_of_types(call: Call, shapes: matchers.Shapes) -> None:
    """Another tool's events, of which specs that were written for it speak."""
    for kind in dict.fromkeys(each.get("type", "") for each in shapes):
        if kind and not event_types.known(kind):
            call.warn("UNKNOWN_EVENT_TYPE", f"no events of type {kind!r} come here: this sees none", at="on")


def _check_service(call: Call, service: str, at: str) -> None:
    """While the spec loads, a service may still come."""
    services = call.state(Declarations).services
    if current.get(None) is not None and service not in ("", "driver", *services):
        near = nearest_name(service, list(services))
        message = f"{service!r} is no service of this spec"
        raise Wrong("UNKNOWN_SERVICE", message, accepted=", ".join(services), nearest=near, at=at)


@frozen
class Parts:
    """A monitor as declared."""

    named: str
    on: Matcher | None
    state_init: Any
    update: Function | None
    check: Function | None

    @property
    def name(self) -> str:
        return self.named or function_name(self.check)

    @property
    def called(self) -> str:
        """What messages call the check: a lambda has no name but the monitor's."""
        name = function_name(self.check)
        return "check" if self.named and name == "lambda" else name

    @property
    def stateful(self) -> bool:
        return self.state_init is not None or self.update is not None

    @property
    def both(self) -> bool:
        """Whether check takes the state too."""
        fits = self.check is not None and kinds.misfit(self.check, 1) and not kinds.misfit(self.check, 2)
        return self.stateful or bool(fits)

    @property
    def functions(self) -> tuple[object, ...]:
        made = (self.state_init,) if is_function(self.state_init) else ()
        named = (each for each in (self.update, self.check) if each is not None)
        return (*matchers.functions_of(self.on), *made, *named)

    @property
    def judges(self) -> tuple[tuple[Literal["updates", "checks"], object], ...]:
        update: tuple[Literal["updates"], object] = ("updates", self.update)
        check: tuple[Literal["checks"], object] = ("checks", self.check)
        return tuple(each for each in (update, check) if each[1] is not None)

    def begin(self) -> Callable[[Event], None]:
        return Judge(self)


class Judge:
    """A monitor in one case. Called with every event of it, in order."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._state: Any = None
        self._begun = False

    def __call__(self, event: Event) -> None:
        """Raises AssertionFailed, which names the event and shows the state, where the monitor is violated."""
        parts = self._parts
        token = judging.set(parts.name)
        try:
            if parts.on is not None and not parts.on(event):
                return
            self._advance(event)
            given = (event, self._state) if parts.both else (event,)
            if parts.check is not None and invoke(parts.check, *given) is False:
                raise AssertionFailed(f"{parts.called} gave False")
        except Inconclusive:
            raise
        except Exception as error:
            raise self._violation(event, error).with_traceback(error.__traceback__) from error
        finally:
            judging.reset(token)

    def _advance(self, event: Event) -> None:
        if not self._begun:
            init = self._parts.state_init
            self._state = invoke(init) if is_function(init) else fresh(init)
            self._begun = True
        if self._parts.update is not None:
            given = invoke(self._parts.update, event, self._state)
            if given is not None or not isinstance(self._state, List | Dict):
                self._state = given

    def _violation(self, event: Event, error: Exception) -> AssertionFailed:
        from faultbox.spec.tracebacks import explain

        at = f"event #{event.seq} ({event.type} of {event.service})"
        state = f", state {show(self._state, typed=False)}" if self._parts.both else ""
        return AssertionFailed(f"{explain(error)}, at {at}{state}", code="MONITOR", deciding=(event,))


def fresh(value: Any) -> Any:
    """A copy of lists and dicts, and of those in them, that can be changed."""
    if isinstance(value, Dict):
        return Dict((key, fresh(item)) for key, item in value.items())
    if isinstance(value, List):
        return List(fresh(item) for item in value)
    return tuple(fresh(item) for item in value) if isinstance(value, tuple) else value
