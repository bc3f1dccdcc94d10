"""What doctor asks of the host. Each probe really does, in a process of its own, what a run would do."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from faultbox.model.frozen import frozen
from faultbox.model.unfit import Unfit

_OLDEST = (5, 19)
_MACHINES = {"x86_64", "aarch64"}


@frozen
class Check:
    """`state`: good, bad (a run can't be without it), or missing (a run can). `advice` says what would change it."""

    name: str
    state: Literal["good", "bad", "missing"]
    detail: str
    advice: str = ""


def kernel() -> Check:
    uname = os.uname()
    detail = f"Linux {uname.release} {uname.machine}"
    release = tuple(int(part) for part in uname.release.split("-")[0].split(".")[:2])
    if uname.machine not in _MACHINES:
        return Check("kernel", "bad", detail, f"use a machine of {' or '.join(sorted(_MACHINES))}")
    if release < _OLDEST:
        return Check("kernel", "bad", detail, "use Linux 5.19 or newer: older ones can't hold a call against signals")
    return Check("kernel", "good", detail)


def syscall_faults() -> Check:
    from faultbox.linux import seccomp

    support = seccomp.support()
    if support.reason:
        return Check(
            "syscall faults", "bad", support.reason, "use Linux 5.19 or newer, in a container that allows seccomp(2)"
        )
    if not support.sync_wake_up:
        return Check("syscall faults", "good", "seccomp user notification; faster from Linux 6.6 on")
    return Check("syscall faults", "good", "seccomp user notification, with direct hand-over")


def namespaces() -> Check:
    problem = in_child(_make_namespaces)
    if not problem:
        how = "as root" if os.geteuid() == 0 else f"as uid {os.geteuid()}, in a user namespace"
        return Check("namespaces", "good", f"mount, uts, ipc, pid and network; {how}")
    return Check("namespaces", "bad", problem, "run as root; in a container, run it privileged")


def _make_namespaces() -> None:
    from faultbox.linux import namespaces as linux

    _become_able()
    flags = {
        "mount": linux.NEWNS,
        "uts": linux.NEWUTS,
        "ipc": linux.NEWIPC,
        "pid": linux.NEWPID,
        "network": linux.NEWNET,
    }
    for name, flag in flags.items():
        try:
            linux.unshare(flag)
        except OSError as error:
            raise RuntimeError(f"no {name} namespace: {error.strerror}") from None
    try:
        linux.loopback_up()
    except OSError as error:
        raise RuntimeError(f"lo of a network namespace can't be brought up: {error.strerror}") from None


def _become_able() -> None:
    from faultbox.linux import namespaces as linux

    if os.geteuid() != 0:
        linux.enter_user_namespace()


def disks(state: Path) -> Check:
    """Whether the state directory can hold the copy-on-write layers of worlds."""
    try:
        state.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=state, prefix="doctor-") as scratch:
            in_memory = Path(scratch) / "in-memory"
            problem = in_child(lambda: _prepare_layers(Path(scratch) / "layers", in_memory))
            detail = f"overlays in {'memory' if in_memory.exists() else state}"
    except OSError as error:
        problem, detail = str(error), ""
    if problem:
        return Check("disks", "bad", problem, "set FAULTBOX_STATE_DIR to a directory on ext4, xfs, btrfs or tmpfs")
    return Check("disks", "good", detail)


def _prepare_layers(layers: Path, in_memory: Path) -> None:
    from faultbox.world import layout

    _become_able()
    if layout.prepare(layers):
        in_memory.touch()


def cgroups() -> Check:
    from faultbox.linux import cgroup

    parent = cgroup.writable_parent()
    if parent is None:
        return Check(
            "cgroups",
            "missing",
            "no cgroup v2 that this user may write; worlds end by their pid namespaces instead",
            "run as root, or under `systemd-run --user --scope -p Delegate=yes`",
        )
    probe = parent / f"faultbox-doctor-{os.getpid()}"
    try:
        probe.mkdir()
        killable = (probe / "cgroup.kill").exists()
    except OSError as error:
        return Check("cgroups", "missing", f"{parent}: {error.strerror}", "run as root")
    finally:
        if probe.exists():
            probe.rmdir()
    return Check("cgroups", "good", f"{parent}{'' if killable else ', without cgroup.kill (Linux 5.14)'}")


def memory() -> Check:
    """Whether a supervisor can read the paths that a service's calls name: both are children of one process."""
    problem = in_child(_read_sibling)
    if not problem:
        return Check("memory", "good", "arguments of calls can be read")
    return Check(
        "memory", "bad", problem, "sysctl kernel.yama.ptrace_scope must be below 3; in a container add SYS_PTRACE"
    )


def _read_sibling() -> None:
    _become_able()
    secret = ctypes.create_string_buffer(b"a path of a service")
    parked = os.fork()
    if not parked:
        signal.pause()
        os._exit(0)
    try:
        problem = in_child(lambda: _read_memory(parked, ctypes.addressof(secret), secret.raw))
    finally:
        os.kill(parked, signal.SIGKILL)
        os.waitpid(parked, 0)
    if problem:
        raise RuntimeError(problem)


def _read_memory(pid: int, address: int, expected: bytes) -> None:
    from faultbox.linux import vmem

    if vmem.read(pid, address, len(expected)) != expected:
        raise RuntimeError("a process may not read the memory of another that its parent started")


def filters() -> Check:
    """libseccomp and its binding, which compile the filters."""
    problem = imports("import pyseccomp; pyseccomp.SyscallFilter(pyseccomp.ALLOW)")
    if problem:
        return Check("filters", "bad", problem, "install libseccomp (Debian: libseccomp2) and reinstall faultbox")
    return Check("filters", "good", "libseccomp compiles them")


def language() -> Check:
    """starlark-go, which judges specs."""
    problem = imports("import starlark_go; assert starlark_go.Starlark().eval('1 + 1') == 2")
    if problem:
        return Check("language", "bad", problem, "reinstall faultbox: its dependency starlark-go can't be used here")
    return Check("language", "good", "starlark-go reads specs")


def network_faults() -> Check:
    """Faults on messages and partitions: the kernel programs that steer are loaded for a moment."""
    problem = in_child(_load_network)
    if not problem:
        return Check("network faults", "good", "BPF steers connections to proxies")
    reason, _, advice = problem.partition("\n")
    detail = f"{reason}; rules= and partition() will be refused"
    return Check("network faults", "missing", detail, advice or "run as root, on Linux 5.15 or newer with BTF")


def _load_network() -> None:
    from faultbox import network

    network.prepare()


def observation() -> Check:
    """Seeing calls, files, sockets and processes: the kernel's programs are loaded and attached for a moment."""
    from faultbox.linux import cgroup

    if cgroup.writable_parent() is None:
        problem = "services are told apart by cgroups, and this user may make none\nrun as root"
    else:
        problem = in_child(_observe)
    if not problem:
        return Check("observation", "good", "BPF sees calls, files, connections and processes")
    reason, _, advice = problem.partition("\n")
    return Check("observation", "missing", f"{reason}; what needs files, sockets or processes is inconclusive", advice)


def _observe() -> None:
    from faultbox import observe

    observe.prepare(1).close()


_PROBE = """
struct seen_t { u32 nothing; };
BPF_PERF_OUTPUT(seen);
RAW_TRACEPOINT_PROBE(sched_process_exit) {
    struct seen_t data = {};
    seen.perf_submit(ctx, &data, sizeof(data));
    return 0;
}
"""


def own_probes() -> Check:
    """observe.probe(): bcc compiles, loads and attaches a small program for a moment."""
    problem = in_child(_run_probe)
    if not problem:
        return Check("own probes", "good", "bcc compiles programs for observe.probe()")
    reason, _, advice = problem.partition("\n")
    return Check("own probes", "missing", f"{reason}; observe.probe() will be refused", advice)


def _run_probe() -> None:
    from faultbox.model.source import Position
    from faultbox.model.topology import Observation, Probe, Service
    from faultbox.observe import probes

    at = Position("doctor", 1)
    observed = Observation("probe", probe=Probe("doctor", _PROBE, "of doctor", at, ("seen",)))
    with tempfile.TemporaryDirectory() as scratch:
        made = probes.prepare([Service("doctor", "", at, observe=(observed,))], 1, Path(scratch), Path(scratch))
        if made is not None:
            made.close()


def machine() -> Check:
    cores = len(os.sched_getaffinity(0))
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return Check("machine", "good", f"{cores} core{'s' if cores != 1 else ''}, {total / 2**30:.1f} GiB")


def imports(program: str) -> str:
    """Why a line of Python fails; empty where it doesn't. In a process of its own: the Go runtime must not stay."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    if done.returncode == 0:
        return ""
    return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]


def in_child(probe: Callable[[], None]) -> str:
    """Why a probe fails when a forked child tries it, with its advice in a second line; empty where it doesn't."""
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        status = 1
        try:
            os.close(reading)
            probe()
            status = 0
        except BaseException as error:  # noqa: BLE001 - a child must not run on in its parent's code
            said = f"{error.reason}\n{error.advice}" if isinstance(error, Unfit) else str(error)
            os.write(writing, said.encode(errors="replace")[:2000])
        finally:
            os._exit(status)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        reason = answer.read().decode(errors="replace")
    _, status = os.waitpid(pid, 0)
    return reason or ("" if status == 0 else f"the probe ended with status {status}")
