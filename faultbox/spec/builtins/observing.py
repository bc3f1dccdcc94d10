"""What services print, as events: observe.stdout(), observe.stderr(), decoder()."""

from __future__ import annotations

import re
from typing import Literal

from faultbox.model.frozen import frozen
from faultbox.model.topology import Observation
from faultbox.spec.builtins import kinds
from faultbox.spec.builtins.declare import Call, builtin
from faultbox.spec.builtins.wrong import Wrong


@frozen
class Decoder:
    """What decoder() gives: how a line becomes fields."""

    name: str
    pattern: str = ""


@builtin("decoder", name=kinds.choice("json", "logfmt", "regex"), pattern=kinds.text)
def decoder(_call: Call, name: str, *, pattern: str = "") -> Decoder:
    """Says how lines of output become fields of events.

    name: json objects, logfmt pairs, or a regular expression with named groups
    pattern: the regular expression, for "regex"
    gives: a decoder, for observe.stdout() and observe.stderr()
    """
    if (name == "regex") != bool(pattern):
        message = 'decoder "regex" needs pattern=' if name == "regex" else f'pattern= belongs to "regex", not "{name}"'
        raise Wrong("MISSING_ARGUMENT" if name == "regex" else "NO_EFFECT", message, at="pattern")
    if pattern:
        _check_pattern(pattern)
    return Decoder(name, pattern)


def _check_pattern(pattern: str) -> None:
    try:
        groups = re.compile(pattern).groupindex
    except (re.error, OverflowError, RecursionError) as error:
        raise Wrong("BAD_PATTERN", f"pattern is no regular expression: {error}", at="pattern") from None
    if not groups:
        message = 'pattern has no named group, so events would have no fields; write "(?P<name>...)"'
        raise Wrong("BAD_PATTERN", message, at="pattern")


_decoder = kinds.instance(Decoder, 'a decoder("json")')


def _observation(kind: Literal["stdout", "stderr"], decoder: Decoder | None) -> Observation:
    return Observation(kind, decoder.name if decoder else "", decoder.pattern if decoder else "")


@builtin("observe.stdout", decoder=_decoder)
def stdout(_call: Call, decoder: Decoder | None = None) -> Observation:
    """Makes each line of a service's standard output an event of type stdout.

    decoder: how a line becomes fields; without one the line is the field raw
    gives: an observation, for service(observe=)
    """
    return _observation("stdout", decoder)


@builtin("observe.stderr", decoder=_decoder)
def stderr(_call: Call, decoder: Decoder | None = None) -> Observation:
    """Makes each line of a service's standard error an event of type stderr.

    decoder: how a line becomes fields; without one the line is the field raw
    gives: an observation, for service(observe=)
    """
    return _observation("stderr", decoder)
