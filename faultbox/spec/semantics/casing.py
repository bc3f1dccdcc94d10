"""Methods of strings that ask what kind of letters there are, or change their case.

Go maps each code point to one code point (Unicode's simple mappings), Python to several where the
full mappings say so: `ß` stays `ß` in upper case here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from faultbox.spec.semantics.arguments import Args, Kwargs, positional
from faultbox.spec.semantics.budget import charge
from faultbox.spec.semantics.values import Method, encode


def _upper(letter: str) -> str:
    changed = letter.upper()
    return changed if len(changed) == 1 else _title(letter)


def _title(letter: str) -> str:
    changed = letter.title()
    return changed if len(changed) == 1 else letter


def _lower(letter: str) -> str:
    return letter.lower()[:1]


def _is_letter(letter: str) -> bool:
    return unicodedata.category(letter).startswith("L")


def _is_digit(letter: str) -> bool:
    return unicodedata.category(letter) == "Nd"


def _is_cased(letter: str) -> bool:
    """Whether the letter has another case (`ß` only as the lower case of `ẞ`)."""
    return letter == "ß" or any(change(letter) != letter for change in (_upper, _lower, _title))


def _is_space(letter: str) -> bool:
    return letter in "\t\n\v\f\r \x85\xa0" or unicodedata.category(letter) in ("Zs", "Zl", "Zp")


def _mapping(name: str, change: Callable[[str], str]) -> Method:
    def method(text: str, args: Args, kwargs: Kwargs) -> str:
        positional(name, args, kwargs, 0, 0)
        charge(len(text))
        return change(text if text.isascii() else encode(text).decode("utf-8", "replace"))

    return method


def _capitalized(text: str) -> str:
    return "".join(_lower(letter) if place else _title(letter) for place, letter in enumerate(text))


def _titled(text: str) -> str:
    out: list[str] = []
    inside = False
    for letter in text:
        changed = _lower(letter) if inside else _title(letter)
        inside = _is_cased(changed)
        out.append(changed)
    return "".join(out)


def _question(name: str, holds: Callable[[str], bool]) -> Method:
    def method(text: str, args: Args, kwargs: Kwargs) -> bool:
        positional(name, args, kwargs, 0, 0)
        charge(len(text))
        return holds(text)

    return method


def _all(holds: Callable[[str], bool]) -> Callable[[str], bool]:
    return lambda text: bool(text) and all(holds(letter) for letter in text)


def _has_cased(text: str) -> bool:
    return any(_is_cased(letter) for letter in text)


def _is_title(text: str) -> bool:
    """Upper case letters only after uncased ones, lower case letters only after cased ones."""
    cased = inside = False
    for letter in text:
        if "A" <= letter <= "Z" or unicodedata.category(letter) == "Lt":
            if inside:
                return False
            cased = inside = True
        elif unicodedata.category(letter) == "Ll":
            if not inside:
                return False
        elif unicodedata.category(letter) == "Lu":
            return False
        else:
            inside = False
    return cased


CASING: dict[str, Method] = {
    "capitalize": _mapping("capitalize", _capitalized),
    "isalnum": _question("isalnum", _all(lambda letter: _is_letter(letter) or _is_digit(letter))),
    "isalpha": _question("isalpha", _all(_is_letter)),
    "isdigit": _question("isdigit", _all(_is_digit)),
    "islower": _question("islower", lambda text: _has_cased(text) and text == "".join(map(_lower, text))),
    "isspace": _question("isspace", _all(_is_space)),
    "istitle": _question("istitle", _is_title),
    "isupper": _question("isupper", lambda text: _has_cased(text) and text == "".join(map(_upper, text))),
    "lower": _mapping("lower", lambda text: "".join(map(_lower, text))),
    "title": _mapping("title", _titled),
    "upper": _mapping("upper", lambda text: "".join(map(_upper, text))),
}
