"""What an argument may be: one function per kind of value, so that every builtin refuses in the same words.

A kind takes a Starlark value and the label that errors call it by (`probability`, `env values`),
and returns the Python value that declarations hold. Its docstring is what the reference prints.
"""

from __future__ import annotations

import errno
import re
import signal
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, TypeVar

from faultbox.spec.builtins.values import is_function, mapping, nearest_name, sequence, show
from faultbox.spec.builtins.wrong import Wrong
from faultbox.spec.functions import Function

T = TypeVar("T")
Kind = Callable[[Any, str], Any]

_UNITS = {"ns": 1e-6, "us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1_000.0, "m": 60_000.0, "h": 3_600_000.0}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+")
_DURATION_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")
_LONGEST_MS = 24 * 3_600_000.0
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def refuse(label: str, wanted: str, value: object, advice: str = "", code: str = "WRONG_TYPE") -> NoReturn:
    """`probability must be a number, got string "x"; write 0.5`."""
    raise Wrong(code, f"{label} must be {wanted}, got {show(value)}" + (f"; write {advice}" if advice else ""))


def anything(value: Any, _label: str) -> Any:
    """any value"""
    return value


def text(value: Any, label: str) -> str:
    """a string"""
    if isinstance(value, str):
        return value
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    refuse(label, "strings" if label.endswith(" values") else "a string", value, f"str({value})" if plain else "")


def content(value: Any, label: str) -> str | bytes:
    """a string or bytes"""
    return value if isinstance(value, bytes) else text(value, label)


def boolean(value: Any, label: str) -> bool:
    """True or False"""
    return value if isinstance(value, bool) else refuse(label, "True or False", value)


def integer(value: Any, label: str) -> int:
    """a whole number"""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    refuse(label, "an int", value)


def number(value: Any, label: str) -> int | float:
    """a number"""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    refuse(label, "a number", value)


def at_least(least: int) -> Callable[[Any, str], int]:
    def whole(value: Any, label: str) -> int:
        number = integer(value, label)
        if number < least:
            raise Wrong("OUT_OF_RANGE", f"{label} must be at least {least}, got {number}")
        return number

    whole.__doc__ = f"a whole number from {least}"
    return whole


def port(value: Any, label: str) -> int:
    """a port, 1 to 65535"""
    number = integer(value, label)
    if not 1 <= number <= 65535:
        raise Wrong("BAD_PORT", f"{label} must be between 1 and 65535, got {number}")
    return number


def milliseconds(value: Any, label: str) -> float:
    """a number of milliseconds"""
    if isinstance(value, int | float) and not isinstance(value, bool):
        if not 0 <= value < float("inf"):
            raise Wrong("OUT_OF_RANGE", f"{label} must be a number of milliseconds from 0, got {value}")
        return float(value)
    if isinstance(value, str) and _DURATION.fullmatch(value):
        refuse(label, "a number of milliseconds", value, f"{duration(value, label):g}")
    refuse(label, "a number of milliseconds", value)


def duration(value: Any, label: str) -> float:
    """a duration: "500ms", "3s", "2m", "1.5s", "1h" """
    if isinstance(value, int | float) and not isinstance(value, bool):
        refuse(label, 'a duration like "500ms"', value, f'"{value}ms" or "{value}s"')
    if not isinstance(value, str):
        refuse(label, 'a duration like "500ms"', value)
    if not _DURATION.fullmatch(value):
        raise Wrong(
            "BAD_DURATION",
            f"{label} must be a duration, got {show(value)}",
            accepted='a number and a unit: "500ms", "3s", "2m", "1.5s", "1h"',
        )
    total = sum(float(number) * _UNITS[unit] for number, unit in _DURATION_PART.findall(value))
    if total > _LONGEST_MS:
        raise Wrong("BAD_DURATION", f"{label} must be at most 24h, got {show(value)}")
    return total


def positive_duration(value: Any, label: str) -> float:
    """a duration above zero: "500ms", "3s", "2m", "1.5s", "1h" """
    length = duration(value, label)
    if length <= 0:
        raise Wrong("BAD_DURATION", f"{label} must be longer than 0, got {show(value)}")
    return length


def probability(value: Any, label: str) -> float:
    """a number from 0 to 1, or a percentage like "30%" """
    if isinstance(value, str):
        found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", value)
        if not found:
            refuse(label, 'a number from 0 to 1 or a percentage like "30%"', value)
        number = float(found[1]) / 100
    elif isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value)
    else:
        refuse(label, 'a number from 0 to 1 or a percentage like "30%"', value)
    if not 0 <= number <= 1:
        percent = f'; write "{value}%"' if isinstance(value, int | float) and 1 < value <= 100 else ""
        raise Wrong("OUT_OF_RANGE", f"{label} must be between 0 and 1, got {show(value)}{percent}")
    return number


def errno_name(value: Any, label: str) -> int:
    """the name of an error number: "EIO", "ENOSPC", "ECONNREFUSED" """
    if not isinstance(value, str):
        refuse(label, 'the name of an error like "EIO"', value)
    number = getattr(errno, value, None) if re.fullmatch(r"E[A-Z0-9]+", value) else None
    if not isinstance(number, int):
        known = sorted(errno.errorcode.values())
        raise Wrong(
            "UNKNOWN_ERRNO",
            f"{label} is no known error: {show(value)}",
            accepted='names from errno(3), upper case, for example "EIO", "ENOSPC", "ECONNREFUSED", "ETIMEDOUT"',
            nearest=nearest_name(value.upper(), known),
        )
    return number


def signal_number(value: Any, label: str) -> int:
    """a signal, by name ("SIGTERM", "TERM") or number"""
    if isinstance(value, str):
        name = value if value.startswith("SIG") else f"SIG{value}"
        found = signal.Signals.__members__.get(name)
        if found is None:
            near = nearest_name(name.upper(), sorted(signal.Signals.__members__))
            raise Wrong("UNKNOWN_SIGNAL", f"{label} is no known signal: {show(value)}", nearest=near)
        return int(found)
    number = integer(value, label)
    if number not in range(1, 65):
        raise Wrong("UNKNOWN_SIGNAL", f"{label} must be between 1 and 64, got {number}")
    return number


def path_glob(value: Any, label: str) -> str:
    """a glob over whole paths, beginning with "/" or "*": "/data/*", "**/wal.log" """
    pattern = text(value, label)
    if not pattern.startswith(("/", "*")):
        raise Wrong(
            "BAD_GLOB",
            f'{label} must begin with "/" or "*", got {show(value)}: it is matched against the whole path as the '
            f'kernel resolved it; write "**/{pattern.removeprefix("./")}"',
        )
    if not _closed(pattern):
        raise Wrong("BAD_GLOB", f'{label} has a "[" without its "]": {show(value)}')
    return pattern


def _closed(pattern: str) -> bool:
    rest = pattern
    while (start := rest.find("[")) >= 0:
        end = rest.find("]", start + 2)
        if end < 0:
            return False
        rest = rest[end + 1 :]
    return True


def identifier(value: Any, label: str) -> str:
    """a name that can be written after a dot: letters, digits and "_" """
    name = text(value, label)
    if not _IDENTIFIER.fullmatch(name):
        raise Wrong(
            "BAD_NAME",
            f"{label} is not a usable name: {show(name)}",
            accepted='letters, digits and "_", not beginning with a digit',
        )
    return name


def name(value: Any, label: str) -> str:
    """a name: letters, digits, "_", "-" and "." """
    given = text(value, label)
    if not _NAME.fullmatch(given) or len(given) > 128:
        raise Wrong(
            "BAD_NAME",
            f"{label} is not a usable name: {show(given)}",
            accepted='1 to 128 letters, digits, "_", "-" and ".", beginning with a letter or digit',
        )
    return given


def function(value: Any, label: str) -> Any:
    """a function"""
    return value if is_function(value) else refuse(label, "a function", value, _call_advice(value))


def _call_advice(value: object) -> str:
    return "the function's name without (), so that it is called later" if value is None else ""


def function_of(count: int) -> Callable[[Any, str], Any]:
    """A kind for functions that will be called with so many positional arguments."""
    wanted = {0: "no arguments", 1: "one argument"}.get(count, f"{count} arguments")

    def takes(value: Any, label: str) -> Any:
        given = function(value, label)
        problem = misfit(given, count)
        if problem:
            raise Wrong("WRONG_TYPE", f"{label} is called with {wanted}, but {problem}")
        return given

    takes.__doc__ = f"a function of {wanted}"
    return takes


def misfit(value: Any, count: int) -> str:
    """Why a function can't be called with so many positional arguments, "" where it can (or where nothing tells)."""
    if not isinstance(value, Function):
        return ""
    known = value.definition
    needed = [each for each in (*known.ordinary[count:], *known.keyword_only) if each not in known.optional]
    if needed:
        return f"{value.name} also needs {', '.join(needed)}"
    return (
        "" if known.varargs or len(known.ordinary) >= count else f"{value.name} takes {len(known.ordinary) or 'none'}"
    )


def choice(*accepted: str) -> Kind:
    shown = ", ".join(f'"{each}"' for each in accepted)

    def one_of(value: Any, label: str) -> str:
        if not isinstance(value, str) or value not in accepted:
            near = nearest_name(value, accepted) if isinstance(value, str) else ""
            code = "UNKNOWN_VALUE" if isinstance(value, str) else "WRONG_TYPE"
            raise Wrong(code, f"{label} can't be {show(value)}", accepted=shown, nearest=near)
        return value

    one_of.__doc__ = " or ".join(f'"{each}"' for each in accepted)
    return one_of


def instance(cls: type[T], called: str) -> Callable[[Any, str], T]:
    """A kind for our own values: `called` is the article and noun, and how one is made."""

    def is_one(value: Any, label: str) -> T:
        return value if isinstance(value, cls) else refuse(label, called, value)

    is_one.__doc__ = called
    return is_one


def list_of(kind: Callable[[Any, str], T]) -> Callable[[Any, str], tuple[T, ...]]:
    def items(value: Any, label: str) -> tuple[T, ...]:
        found = sequence(value)
        if found is None:
            refuse(label, "a list", value, f"[{show(value, typed=False)}]" if isinstance(value, str) else "")
        return tuple(kind(item, f"{label}[{index}]") for index, item in enumerate(found))

    items.__doc__ = f"a list, each {(kind.__doc__ or '').strip()}"
    return items


def one_or_more(kind: Callable[[Any, str], T]) -> Callable[[Any, str], tuple[T, ...]]:
    def items(value: Any, label: str) -> tuple[T, ...]:
        found = sequence(value)
        return (kind(value, label),) if found is None else list_of(kind)(value, label)

    items.__doc__ = f"{(kind.__doc__ or '').strip()}, or a list of such"
    return items


def dict_of(keys: Kind, values: Kind) -> Callable[[Any, str], dict[Any, Any]]:
    def items(value: Any, label: str) -> dict[Any, Any]:
        found: Mapping[Any, Any] | None = mapping(value)
        if found is None:
            refuse(label, "a dict", value)
        return {keys(key, f"{label} keys"): values(item, f"{label} values") for key, item in found.items()}

    items.__doc__ = f"a dict from {(keys.__doc__ or '').strip()} to {(values.__doc__ or '').strip()}"
    return items


PARAMETERS: Mapping[str, Kind] = {
    "text": text,
    "content": content,
    "strings": dict_of(text, text),
    "any": anything,
    "duration": positive_duration,
    "number": number,
    "flag": boolean,
}
"""The kinds of what protocols' steps and actions take, as `model.protocols` calls them."""
