"""What holds for every test: who may run it, what a skip means, that the run leaves nothing behind, and two helpers."""

from __future__ import annotations

import contextlib
import glob
import importlib.util
import os
import pickle
import shutil
import sys
import tempfile
import time
import traceback
import uuid
import warnings
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn, TypeVar

import pytest
from hypothesis import settings

NO_SKIP = os.environ.get("FAULTBOX_NO_SKIP", "") not in ("", "0")
"""Set where everything can run (`.ci/run`): a test that would be skipped fails instead."""

_MARK = "FAULTBOX_TEST_SESSION"
"""In the environment of everything that this session starts: strays are known by it from other people's processes."""
PATIENCE_S = 30.0
"""How long a test waits for what must come."""
_GRACE_S = 2.0
"""How long the kernel may take to finish what is already being torn down."""
_LEFT = pytest.StashKey[list[str]]()
_BEFORE = pytest.StashKey[set[str]]()

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


settings.register_profile("any host", deadline=None)  # an example that had to wait for a processor proves nothing
settings.load_profile("any host")


def pytest_configure(config: pytest.Config) -> None:
    if _is_worker(config):
        return
    config.stash[_BEFORE] = set(_kernel_objects())
    os.environ[_MARK] = uuid.uuid4().hex
    os.environ["FAULTBOX_STATE_DIR"] = tempfile.mkdtemp(prefix="faultbox-state-")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.geteuid() == 0:
        return
    for item in items:
        if item.get_closest_marker("root"):
            item.add_marker(pytest.mark.skip(reason="needs root: run make test as root"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _refuse_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _refuse_skip((yield))


def _refuse_skip(report: Report) -> Report:
    if NO_SKIP and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"{reason}\n(FAULTBOX_NO_SKIP is set: a skip is a failure)"
    return report


@pytest.hookimpl(trylast=True)  # xdist has sent its workers home by then
def pytest_sessionfinish(session: pytest.Session) -> None:
    if _is_worker(session.config):
        return
    shutil.rmtree(os.environ["FAULTBOX_STATE_DIR"], ignore_errors=True)
    left = _left_behind(session.config.stash[_BEFORE])
    session.config.stash[_LEFT] = left
    if left:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash.get(_LEFT, []):
        terminalreporter.write_line(f"LEFT BEHIND {line}", red=True)


@pytest.fixture(scope="session")
def module_at() -> Callable[[Path], ModuleType]:
    """Loads a module that lies beside tests, once: test modules are no packages that could import it."""

    def load(path: Path) -> ModuleType:
        name = f"faultbox_test_{path.stem}"
        if name not in sys.modules:
            spec = importlib.util.spec_from_file_location(name, path)
            assert spec is not None
            assert spec.loader is not None
            sys.modules[name] = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(sys.modules[name])
        return sys.modules[name]

    return load


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _left_behind(before: set[str]) -> list[str]:
    """What was not there before and stays: another run on this host may come and go meanwhile."""
    suspects = {*_kernel_objects(), *_strays()} - before
    deadline = time.monotonic() + _GRACE_S
    while suspects and time.monotonic() < deadline:
        time.sleep(0.05)
        suspects &= {*_kernel_objects(), *_strays()}
    return sorted(suspects)


def _strays() -> Iterator[str]:
    """Processes that this session started and that outlive it."""
    mark = f"{_MARK}={os.environ[_MARK]}".encode()
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if int(process.name) == os.getpid() or mark not in (process / "environ").read_bytes().split(b"\0"):
                continue
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            yield f"process {process.name} {command.strip()}"


def _kernel_objects() -> Iterator[str]:
    """Cgroups that nobody is in, mounts and loop devices that bear our name."""
    for cgroup in _cgroups():
        with contextlib.suppress(OSError):
            if "populated 0" in (cgroup / "cgroup.events").read_text() and not _owner_lives(cgroup.name):
                yield f"cgroup {cgroup}"
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        if "faultbox" in line:
            yield f"mount {line.split()[4]}"
    for backing in Path("/sys/block").glob("loop*/loop/backing_file"):
        with contextlib.suppress(OSError):
            if "faultbox" in backing.read_text():
                yield f"loop device {backing.parts[3]}"


def _owner_lives(name: str) -> bool:
    """Fixtures name their cgroups after the process that made them: it may belong to another session."""
    pid = name.rpartition("-")[2]
    return pid.isdigit() and int(pid) != os.getpid() and Path("/proc", pid).exists()


def _cgroups() -> Iterator[Path]:
    """Others may go while this looks: `Path.glob` would raise then, `glob` passes over them."""
    for root in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
        for pattern in ("*faultbox*", "*/*faultbox*", "*/*/*faultbox*"):
            yield from map(Path, glob.iglob(f"{root}/{pattern}"))


@pytest.fixture
def forked() -> Callable[[Callable[[], Any]], Any]:
    """What a body returns in a forked process, where it may change what it likes; what it raises fails here."""
    return _forked


def _forked(body: Callable[[], Any]) -> Any:
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid == 0:
        os.close(read)
        _answer(body, write)
    os.close(write)
    try:
        with os.fdopen(read, "rb") as end:
            data = end.read()
    finally:
        os.waitpid(pid, 0)
    assert data, "the forked body died"
    good, value = pickle.loads(data)
    if not good:
        pytest.fail(value, pytrace=False)
    return value


def _answer(body: Callable[[], Any], write: int) -> NoReturn:
    try:
        answer = (True, body())
    except BaseException:  # noqa: BLE001
        answer = (False, traceback.format_exc())
    try:
        with os.fdopen(write, "wb") as end:
            pickle.dump(answer, end)
    finally:
        os._exit(0)


@pytest.fixture
def until() -> Callable[[Callable[[], bool], str], None]:
    """Ask again and again, ever slower, until the answer is yes."""

    def wait(question: Callable[[], bool], what: str) -> None:
        deadline, pause = time.monotonic() + PATIENCE_S, 0.001
        while not question():
            assert time.monotonic() < deadline, f"never: {what}"
            time.sleep(pause)
            pause = min(pause * 2, 0.05)

    return wait
