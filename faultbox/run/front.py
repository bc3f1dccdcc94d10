"""The front's side of a run: starts warden and runner, passes on what the runner tells."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from faultbox.link import Link
from faultbox.run.early import Runner

if TYPE_CHECKING:
    from faultbox.model.update import RunDone, Update
    from faultbox.model.verdict import CaseResult
    from faultbox.run.request import Request

_WARDEN = Path(__file__).with_name("warden.py")


class Run:
    """A run in progress: iterate over it for its updates, the last of which ends it.

    The last update is RunDone, SpecRefused or Refused. After it nothing of the run is left but
    its spool. Use it as a context manager: leaving early kills and sweeps.
    """

    def __init__(self, request: Request, runner: Runner | None = None) -> None:
        """`runner`: one that was started early."""
        self._request = request
        self._began = time.monotonic()
        self._results: list[CaseResult] = []
        self._interrupted = 0
        self._runner = runner or Runner()  # it has much to import: before anything else
        self._link = Link(self._runner.end)
        self._cgroup = _make_cgroup(request, self._runner.process.pid)
        self._link.send("request", (request, self._cgroup))
        self._warden = self._start_warden()  # long before the runner has made anything that needs one

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def interrupt(self, number: int) -> None:
        """Ask the run to end now (a signal arrived): what has finished is still reported. The second time kills."""
        if self._interrupted:
            self._runner.process.kill()
        self._interrupted = number
        with contextlib.suppress(OSError):
            self._link.send("interrupt", number)

    def keep_to(self, jobs: int | None) -> None:
        """From now on at most that many worlds at once; None follows the machine."""
        self._ask("jobs", jobs)

    def pause(self, *, paused: bool) -> None:
        """Start no further case, or go on. Cases that run already end as they would."""
        self._ask("pause", paused)

    def stop_at_failure(self, *, stop: bool) -> None:
        """Whether the first failed or errored case from now on is the last one."""
        self._ask("fail_fast", stop)

    def _ask(self, kind: str, value: object) -> None:
        with contextlib.suppress(OSError):  # a runner that has ended has nothing left to do it with
            self._link.send(kind, value)

    def __iter__(self) -> Iterator[Update]:
        from faultbox.model.update import CaseDone, Refused, RunDone, SpecRefused

        with selectors.DefaultSelector() as selector:
            selector.register(self._link, selectors.EVENT_READ)
            guard = self._watch_warden(selector)
            while True:
                ready = selector.select()
                if any(key.fileobj == guard for key, _ in ready):
                    guard = self._restart_warden(selector, guard)
                if not any(key.fileobj is self._link for key, _ in ready):
                    continue
                frame = self._link.receive()
                update = frame.body if frame is not None else self._runner_died()
                if isinstance(update, CaseDone):
                    self._results.append(update.result)
                last = isinstance(update, RunDone | SpecRefused | Refused)
                if last:
                    selector.unregister(guard)
                    os.close(guard)
                    self.close()
                yield update
                if last:
                    return

    def close(self) -> None:
        """End the runner if it still lives, and wait until the warden has swept."""
        self._runner.close()
        if self._warden.stdin is not None and not self._warden.stdin.closed:
            with contextlib.suppress(BrokenPipeError):
                self._warden.stdin.close()
        self._warden.wait()

    def _runner_died(self) -> RunDone:
        from faultbox.model.update import RunDone
        from faultbox.model.verdict import RunResult

        status = self._runner.process.wait()
        how = signal.Signals(-status).name if status < 0 else f"exit code {status}"
        result = RunResult(
            seed=self._request.seed,
            results=tuple(self._results),
            errors=(f"the runner ended before the run was over ({how}): cases that had not begun have no verdict",),
            strict=self._request.strict,
            duration_ms=(time.monotonic() - self._began) * 1000,
            interrupted=self._interrupted,
        )
        return RunDone(result)

    def _start_warden(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_WARDEN)], stdin=subprocess.PIPE, cwd="/", start_new_session=True
        )
        assert process.stdin is not None
        if self._cgroup is not None:
            process.stdin.write(f"cgroup {self._cgroup}\n".encode())
        process.stdin.write(f"layers {self._request.layers_dir}\n".encode())
        process.stdin.flush()
        return process

    def _watch_warden(self, selector: selectors.BaseSelector) -> int:
        guard = os.pidfd_open(self._warden.pid)
        selector.register(guard, selectors.EVENT_READ)
        return guard

    def _restart_warden(self, selector: selectors.BaseSelector, guard: int) -> int:
        selector.unregister(guard)
        os.close(guard)
        self._warden.wait()
        if self._warden.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._warden.stdin.close()
        self._warden = self._start_warden()
        return self._watch_warden(selector)


def sweep(run_dir: Path) -> None:
    """Remove what the worlds of a dead run left, where its warden died too. Its spool stays, for `faultbox recover`."""
    from faultbox.linux import cgroup
    from faultbox.run import warden

    parent = cgroup.writable_parent()
    if parent is not None:
        warden.remove_cgroup(parent / _cgroup_name(run_dir))
    warden.remove_tree(run_dir / "layers")


def _cgroup_name(run_dir: Path) -> str:
    return f"faultbox-{run_dir.name}"


def _make_cgroup(request: Request, runner: int) -> Path | None:
    """The run's own cgroup, with the runner in it; None where this user may not make one.

    Worlds then end by their pid namespaces. To enter a cgroup takes some 10 ms of waiting, in which the runner imports.
    """
    from faultbox.linux import cgroup

    parent = cgroup.writable_parent()
    if parent is None:
        return None
    group = cgroup.create(parent / _cgroup_name(request.run_dir))
    with contextlib.suppress(ProcessLookupError):  # that it has died is told as soon as somebody listens to it
        (cgroup.create(group / "runner") / "cgroup.procs").write_text(str(runner))
    return group
