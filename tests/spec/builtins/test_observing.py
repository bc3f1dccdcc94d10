"""observe.*: what services are observed by."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from faultbox.model.spec import Spec
from faultbox.model.topology import Attachment, Observation, Probe

Load = Callable[..., Spec]
PROGRAM = "// BPF_PERF_OUTPUT(no);\nBPF_PERF_OUTPUT(out);\nint on_f(struct pt_regs *ctx) { return 0; }\n"


def observed(load: Load, text: str) -> tuple[Observation, ...]:
    return load(f"service('s', 'bin/db', observe = [{text}])").services["s"].observe


def test_tails_and_files(load: Load) -> None:
    found = observed(
        load,
        "observe.tail('/var//log/*.log', decoder = decoder('json')), observe.tail('/log'),"
        "observe.files('/data/**', ['*.pem']), observe.stdout()",
    )
    assert found == (
        Observation("tail", "json", paths=("/var/log/*.log",)),
        Observation("tail", paths=("/log",)),
        Observation("files", paths=("/data/**", "*.pem")),
        Observation("stdout"),
    )


def test_a_probe_from_a_file_is_part_of_the_spec(load: Load, place: Path) -> None:
    (place / "queries.c").write_text(PROGRAM)
    (found,) = observed(load, "observe.probe(file = 'queries.c', attach = {'on_f': 'uretprobe:main'})")
    assert found.probe is not None
    assert (found.probe.name, found.probe.text, found.probe.origin) == ("queries", PROGRAM, "queries.c")
    assert (found.probe.attach, found.probe.outputs) == ((Attachment("on_f", "uretprobe", "main"),), ("out",))
    spec = load("service('s', 'bin/db', observe = [observe.probe(file = 'queries.c', attach = {'on_f': 'uprobe:m'})])")
    assert spec.sources[str(place / "queries.c")] == PROGRAM


@pytest.mark.parametrize(
    ("where", "meant"),
    [
        ("uprobe:call", ("uprobe", "call", "")),
        ("uprobe:bin/db:call", ("uprobe", "call", "./bin/db")),
        ("usdt:query__start", ("usdt", "query__start", "")),
        ("usdt:postgresql:query__start", ("usdt", "postgresql:query__start", "")),
        ("usdt:./bin/db:postgresql:query__start", ("usdt", "postgresql:query__start", "./bin/db")),
        ("tracepoint:sched:sched_switch", ("tracepoint", "sched:sched_switch", "")),
        ("raw_tracepoint:sys_enter", ("raw_tracepoint", "sys_enter", "")),
    ],
)
def test_where_a_function_runs(load: Load, place: Path, where: str, meant: tuple[str, str, str]) -> None:
    (found,) = observed(load, f"observe.probe('''{PROGRAM}''', attach = {{'on_f': '{where}'}}, name = 'p')")
    assert found.probe is not None
    (attachment,) = found.probe.attach
    assert (attachment.kind, attachment.symbol, attachment.binary.replace(str(place), ".")) == meant
    assert found.probe.name == "p"


@pytest.mark.parametrize("declared", ["TRACEPOINT_PROBE(sched, x) {}", "int raw_tracepoint__x(void *c) { return 0; }"])
def test_functions_may_say_by_their_names_where_they_run(load: Load, declared: str) -> None:
    (found,) = observed(load, f"observe.probe('BPF_RINGBUF_OUTPUT(out, 8); {declared}')")
    assert isinstance(found.probe, Probe)
    assert found.probe.attach == ()
    assert found.probe.name == "probe"
