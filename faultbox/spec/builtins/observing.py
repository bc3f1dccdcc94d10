"""What a service does, as events: observe.stdout(), observe.tail(), observe.files(), observe.probe(), decoder()."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, Literal

from faultbox.model.frozen import frozen
from faultbox.model.topology import Attachment, Observation, Probe
from faultbox.spec.builtins import attaching, kinds
from faultbox.spec.builtins.declare import Call, builtin
from faultbox.spec.builtins.files import read
from faultbox.spec.builtins.values import show
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
    gives: a decoder, for observe.stdout(), observe.stderr() and observe.tail()
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


_GLOB = set("*?[")


def _tailed(value: Any, label: str) -> str:
    """an absolute path as the service sees it; its last part may be a glob: "/var/log/app/*.log" """
    path = kinds.text(value, label)
    *directories, name = path.split("/")
    if not path.startswith("/") or not name or "\0" in path or ".." in directories:
        shown = show(path, typed=False)
        raise Wrong("BAD_PATH", f"{label} must be the absolute path of a file in the world, got {shown}")
    if _GLOB & set("".join(directories)):
        message = f"{label} may be a glob in its last part only, got {show(path, typed=False)}"
        raise Wrong("BAD_GLOB", message, accepted='"/var/log/app.log", "/var/log/app/*.log"')
    return os.path.normpath(path)


@builtin("observe.tail", path=_tailed, decoder=_decoder)
def tail(_call: Call, path: str, decoder: Decoder | None = None) -> Observation:
    """Makes each line that is appended to a file an event of type tail, with the field path.

    What a file holds when its service is started is passed over. Files that come later are read from their beginning,
    through renames (rotation) and truncation.

    path: the file as the service sees it
    decoder: how a line becomes fields; without one the line is the field raw
    gives: an observation, for service(observe=)
    """
    return Observation("tail", decoder.name if decoder else "", decoder.pattern if decoder else "", (path,))


@builtin("observe.files", globs=kinds.one_or_more(kinds.path_glob))
def files(_call: Call, *globs: tuple[str, ...]) -> Observation:
    """Makes what a service does with some files events of type file.

    Their op is open, create, write, sync, rename, unlink or truncate. Of this service's files only these are told of,
    unless a filter names others by path=.

    *globs: which files, by their path as the kernel resolved it: "/data/**"
    gives: an observation, for service(observe=)
    """
    paths = tuple(glob for several in globs for glob in several)
    if not paths:
        raise Wrong("MISSING_ARGUMENT", "which files?", accepted='observe.files("/data/**")')
    return Observation("files", paths=paths)


@builtin(
    "observe.probe",
    text=kinds.text,
    file=kinds.text,
    attach=kinds.dict_of(kinds.identifier, attaching.place),
    name=kinds.name,
)
def probe(
    call: Call, text: str = "", *, file: str = "", attach: Mapping[str, Attachment] | None = None, name: str = ""
) -> Observation:
    """Runs a bcc program of your own in the kernel where a service comes by; what it puts out becomes events.

    Events have the type probe, the fields name, output (which of the program's), pid and tid, and those of the C
    struct that is put out by perf_submit() or ringbuf_output(). Only what the service's own processes put out is seen.
    In all others faultbox_service() is 0: let the program ask before it counts anything.
    The program is compiled and attached before the run begins, by Debian's bcc (python3-bpfcc), as root.

    text: the program, in bcc's C
    file: the file that holds it, instead: here("queries.c")
    attach: where its functions run, unless their names say so (TRACEPOINT_PROBE): {"on_call": "uprobe:call"}
    name: what its events are called; by default the file's name, or its first function's
    gives: an observation, for service(observe=)
    """
    if bool(text) == bool(file):
        raise Wrong("MISSING_ARGUMENT" if not text else "DUPLICATE_ARGUMENT", "takes a program, or file=: one of them")
    content = read(call, file, at="file") if file else text
    origin = file or f"the program at {call.place('text')}"
    attached = tuple(attaching.resolved(call, function, where) for function, where in (attach or {}).items())
    outputs = attaching.outputs(content, attached)
    stem = os.path.splitext(os.path.basename(file))[0]
    named = name or stem or (attached[0].function if attached else "probe")
    return Observation("probe", probe=Probe(named, content, origin, call.position, outputs, attached))
