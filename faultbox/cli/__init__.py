"""The command line. Each command is a module; only the one that is called is imported further than its flags."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

from faultbox.cli import check, diff, doctor, inspect, judge, merge, recover, replay, report, test, tui, verify, version
from faultbox.cli.arguments import Parser, UsageError, nearest, unknown, usage_lines
from faultbox.cli.out import drop_stdout
from faultbox.model.exit import Exit

_COMMANDS = {
    "test": test,
    "tui": tui,
    "check": check,
    "inspect": inspect,
    "diff": diff,
    "verify": verify,
    "judge": judge,
    "merge": merge,
    "replay": replay,
    "report": report,
    "recover": recover,
    "doctor": doctor,
    "version": version,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; the exit code. Mistakes and failures are told in words, never as a Python traceback."""
    _harden_output()
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        status = _dispatch(arguments)
        sys.stdout.flush()
    except UsageError as error:
        sys.stderr.write("\n".join(usage_lines(error)) + "\n")
        return Exit.USAGE
    except BrokenPipeError:
        drop_stdout()
        return Exit.PASSED
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except OSError as error:
        sys.stderr.write(f"faultbox: {error}\n")
        return Exit.ERRORED
    return status


def _dispatch(arguments: list[str]) -> int:
    parser, flags = _parsers(next((word for word in arguments if word in _COMMANDS), None))
    if arguments and not arguments[0].startswith("-") and arguments[0] not in _COMMANDS:
        raise unknown("command", arguments[0], _COMMANDS)
    try:
        parsed, extra = parser.parse_known_args(arguments)
    except SystemExit as leaving:  # --help and --version have said what they say
        return int(leaving.code or 0)
    extra = _take_rest(parsed, extra)
    if extra:
        raise _unexpected(extra[0], flags.get(parsed.command, ()))
    if parsed.command is None:
        parser.print_help()
        return Exit.USAGE
    status: int = parsed.run(parsed)
    return status


def _take_rest(parsed: argparse.Namespace, extra: list[str]) -> list[str]:
    """Words that argparse left over because a flag stood before them; what still has no place."""
    name = getattr(_COMMANDS.get(parsed.command), "REST", None)
    if name is None:
        return extra
    getattr(parsed, name).extend(word for word in extra if not word.startswith("-"))
    return [word for word in extra if word.startswith("-")]


def _parsers(called: str | None) -> tuple[Parser, dict[str, list[str]]]:
    """The parser of everything, in which only the command that is called knows its flags, and these flags.

    To make those of all commands takes 10 ms.
    """
    parser = Parser(prog="faultbox", description="Fault injection for people who build services.")
    parser.add_argument("--version", action="version", version=version.text())
    commands: Any = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    flags = {}
    for name, module in _COMMANDS.items():
        line = (module.__doc__ or "").strip().splitlines()[0]
        below: argparse.ArgumentParser = commands.add_parser(name, help=line, description=line)
        if name == called:
            module.configure(below)
        below.set_defaults(run=module.run)
        flags[name] = [flag for action in below._actions for flag in action.option_strings]  # noqa: SLF001
    return parser, flags


def _unexpected(word: str, flags: Sequence[str]) -> UsageError:
    name = word.partition("=")[0]
    if not word.startswith("-"):
        return UsageError(f"unexpected argument {word}")
    near = nearest(name, flags)
    return UsageError(f"unknown flag {name}", f"did you mean {near}?" if near else "see --help for the flags there are")


def _harden_output() -> None:
    """Whatever a service printed can be written, in any locale; and no file of ours becomes stdout by accident."""
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest free number, which is fd
            os.set_inheritable(fd, True)  # noqa: FBT003 - the system's own name for it has no keyword
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
