"""The command line: a parser that answers mistakes with what was probably meant."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from faultbox.model.shard import Shard

DEFAULT_SPEC = "faultbox.star"
_MAX_SEED = 2**63 - 1
_UNITS_MS = {"ms": 1.0, "s": 1000.0, "m": 60_000.0, "h": 3_600_000.0}


class UsageError(Exception):
    """The command line can't be followed; `advice` says what can."""

    def __init__(self, message: str, advice: str = "") -> None:
        self.advice = advice
        super().__init__(message)


class Parser(argparse.ArgumentParser):
    """argparse that raises instead of exiting and never guesses abbreviations."""

    def __init__(self, **options: object) -> None:
        super().__init__(allow_abbrev=False, **options)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, f"see `{self.prog} --help`")


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that was most likely meant; empty when none is near."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(word, sorted(known), n=1, cutoff=0.6)), "")


def unknown(kind: str, word: str, known: Iterable[str]) -> UsageError:
    """The answer to a word that isn't known: the nearest one, else all of them."""
    known = sorted(known)
    near = nearest(word, known)
    return UsageError(f"unknown {kind} {word}", f"did you mean {near}?" if near else f"known: {', '.join(known)}")


def duration_ms(text: str) -> float:
    """`500ms`, `3s`, `1.5s`, `2m`, `1h` in milliseconds."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
    value = float(match[1]) * _UNITS_MS[match[2]] if match else 0.0
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no duration: write 500ms, 30s or 2m")
    return value


def seed(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,19}", text) or int(text) > _MAX_SEED:
        raise argparse.ArgumentTypeError(f"{text!r} is no seed: write a whole number from 0 to {_MAX_SEED}")
    return int(text)


def count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,6}", text) or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of times: write 1 or more")
    return int(text)


def directory(text: str) -> Path:
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is no directory")
    return Path(text).absolute()


def shard(text: str) -> Shard:
    """`2/5`: the second of five parts."""
    match = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise argparse.ArgumentTypeError(f"{text!r} is no shard: write 2/5 for the second of five")
    from faultbox.model.shard import Shard

    return Shard(int(match[1]), int(match[2]))


def spec_path(given: str | None) -> Path:
    """The spec to run: what was named, else ./faultbox.star. Raises UsageError where there is none."""
    path = Path(given or DEFAULT_SPEC)
    if path.is_file():
        return path
    if path.is_dir():
        inside = path / DEFAULT_SPEC
        advice = f"did you mean {inside}?" if inside.is_file() else "name a .star file"
        raise UsageError(f"{path} is a directory", advice)
    if given is None:
        raise UsageError(
            f"no spec was named and there is no {DEFAULT_SPEC} here", "write `faultbox test path/to/spec.star`"
        )
    raise UsageError(f"{path}: no such file", _other_specs(path))


def _other_specs(path: Path) -> str:
    try:
        names = sorted(each.name for each in path.parent.iterdir() if each.suffix == ".star")
    except OSError:
        return f"there is no directory {path.parent}"
    near = nearest(path.name, names)
    if near:
        return f"did you mean {path.parent / near}?"
    return f"there are {', '.join(names[:10])}" if names else f"there is no .star file in {path.parent.absolute()}"


def add_spec(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("spec", nargs="?", help=f"the spec to load (default: ./{DEFAULT_SPEC})")


def add_format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--format", choices=("text", "json"), default="text", help="what stdout gets (default: text)")


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_const", const="json", dest="format", help="the same as --format json")


def usage_lines(error: UsageError) -> list[str]:
    """What goes to a terminal: names of files and what bundles say may hold anything."""
    from faultbox.cli.console.look import visible

    lines = [f"faultbox: {error}", *(f"  {line}" for line in error.advice.splitlines())]
    return [visible(line) for line in lines]
