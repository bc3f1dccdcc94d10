"""What to execute for a service, and what people read when that fails."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from dataclasses import field

from faultbox.model.frozen import frozen


@frozen
class Command:
    """What to execute for a service.

    A program without a slash is searched in PATH of `env`, inside the world. `user`: a name, a
    number or either with `:group`. `limits`: names as of setrlimit(2) without RLIMIT_, in its
    units (nofile, nproc, as, data, stack, core, fsize, cpu …); soft and hard limit alike.
    """

    service: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str = ""
    user: str = ""
    limits: Mapping[str, int] = field(default_factory=dict)


@frozen
class Failure:
    """The step at which a launch failed, the error, and what else is known about it."""

    step: str
    errno: int
    detail: str = ""


class LaunchError(Exception):
    """A service could not be started. The text says why and what to do."""

    def __init__(self, command: Command, failure: Failure) -> None:
        self.service = command.service
        self.failure = failure
        super().__init__(f"service {command.service!r}: {_text(command, failure)}")


def _text(command: Command, failure: Failure) -> str:
    if failure.step == "exec":
        return _exec_text(command.argv[0], failure)
    if failure.step in ("user", "group") and failure.errno == errno.ENOENT:
        return f"{failure.step} {failure.detail!r} does not exist here"
    reason = os.strerror(failure.errno)
    texts = {
        "user": f"cannot become user {command.user!r}: {reason} (without root only your own user exists in a world)",
        "cwd": f"cannot enter its directory {command.cwd}: {reason}",
        "fork": f"no new process: {reason}",
        "filter": f"cannot install its system call filter: {failure.detail}",
    }
    return texts.get(failure.step, f"{failure.step}: {failure.detail or reason}")


def _exec_text(program: str, failure: Failure) -> str:
    reason = os.strerror(failure.errno)
    if failure.errno == errno.ENOEXEC:
        return f"cannot execute {program}: it is neither a program of this machine nor a script with a #! line"
    if failure.errno == errno.ENOENT:
        if failure.detail.startswith("interpreter "):
            return f"cannot execute {program}: its {failure.detail} (named in its #! line) does not exist"
        if failure.detail == "loader":
            return f"cannot execute {program}: the loader it names (its ELF interpreter) does not exist"
        where = "" if "/" in program else " in PATH"
        return (
            f"cannot execute {program}: no such file{where} in its world "
            "(a world has its own /tmp, /run and /dev/shm: of the host's it shows only what the spec names)"
        )
    return f"cannot execute {program}: {reason}" + (f" ({failure.detail})" if failure.detail else "")
