"""A pytest plugin: specs are files of tests, each case is an item.

Specs named on the command line are collected, and those whose name fits `faultbox_specs` in pytest's configuration
(default: `faultbox.star`). All chosen cases of a spec are one run, side by side as `faultbox test` would run
them, which begins with the first item and ends with the last. Every pytest of an environment imports this module,
so everything else is imported when there is a spec.
"""

from __future__ import annotations

import fnmatch
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from faultbox.model.plan import CaseInfo
    from faultbox.model.verdict import CaseResult
    from faultbox.pytest_run import SpecRun


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("faultbox")
    group.addoption("--faultbox-seed", type=int, metavar="N", help="decide all that is random in specs")
    group.addoption("--faultbox-output", metavar="DIR", help="where bundles go (default: pytest's cache directory)")
    parser.addini("faultbox_specs", "names of specs that are collected", type="args", default=["faultbox.star"])


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.suffix != ".star":
        return None
    patterns: list[str] = parent.config.getini("faultbox_specs")
    if parent.session.isinitpath(file_path) or any(fnmatch.fnmatch(file_path.name, each) for each in patterns):
        collector: pytest.Collector = SpecFile.from_parent(parent, path=file_path)
        return collector
    return None


class SpecFile(pytest.File):
    """A spec. Its run begins when the first of its items is asked for."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._run: SpecRun | None = None

    def collect(self) -> Iterable[pytest.Item]:
        from faultbox.pytest_run import NotPlanned, planned

        try:
            infos = planned(self.path)
        except NotPlanned as error:
            raise self.CollectError(str(error)) from None
        for info in infos:
            yield CaseItem.from_parent(self, name=info.id, info=info)
        if any(info.fault for info in infos):
            yield AssumptionsItem.from_parent(self, name="assumptions")

    def run(self, item: CaseItem) -> SpecRun:
        """The run that this item is of: of all chosen items, but of it alone where xdist deals items to processes."""
        from faultbox.pytest_run import SpecRun

        alone = hasattr(self.config, "workerinput")
        if self._run is not None and alone:
            self._run.close()
        if self._run is None or alone:
            chosen = [each for each in self.session.items if isinstance(each, CaseItem) and each.parent is self]
            ids = [each.info.id for each in ([item] if alone else chosen)]
            spec = Path(os.path.relpath(self.path))
            self._run = SpecRun(spec, ids, self.config.getoption("faultbox_seed"), self._bundle_place(item))
            self.addfinalizer(self._run.close)
        return self._run

    @property
    def begun(self) -> SpecRun | None:
        return self._run

    def _bundle_place(self, item: CaseItem) -> Path | None:
        """Where the bundle goes: a file that the next run replaces, unless a directory was named."""
        named = self.config.getoption("faultbox_output")
        if named is not None:
            directory = Path(named)
            directory.mkdir(parents=True, exist_ok=True)
            return directory
        cache = getattr(self.config, "cache", None)
        worker = os.environ.get("PYTEST_XDIST_WORKER", "")
        name = f"{self.path.stem}-{item.name}.fb" if worker else f"{self.path.stem}.fb"
        return cache.mkdir("faultbox") / name if cache is not None else None


class NotGreen(Exception):
    """A case that did not pass; the message is what the console would print."""


class CaseItem(pytest.Item):
    """One case."""

    def __init__(self, *, info: CaseInfo, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.info = info

    def runtest(self) -> None:
        from faultbox.model.verdict import Verdict

        run = self._file.run(self)
        result = run.result(self.info)
        for text in result.prints:
            self.add_report_section("call", "stdout", f"{text}\n")
        if result.verdict is not Verdict.PASSED:
            raise NotGreen(run.explained(result))
        self._note(result)

    def _note(self, result: CaseResult) -> None:
        if result.exercised is False:
            self.user_properties.append(("exercised", "no"))
            self.add_report_section("call", "faultbox", "not exercised: no fault of this case fired\n")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if isinstance(excinfo.value, NotGreen):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        return self.path, self.info.position.line - 1, self.info.id

    @property
    def _file(self) -> SpecFile:
        assert isinstance(self.parent, SpecFile)
        return self.parent


class AssumptionsItem(pytest.Item):
    """Whether every assumption fired in some case, and nothing else was wrong with the run."""

    def runtest(self) -> None:
        assert isinstance(self.parent, SpecFile)
        if hasattr(self.config, "workerinput"):
            pytest.skip("assumptions are judged over all cases, and xdist has dealt them to several processes")
        run = self.parent.begun
        if run is None:
            pytest.skip("no case of this spec was run")
        if complaints := list(run.complaints()):
            raise NotGreen("\n".join(complaints))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        return str(excinfo.value) if isinstance(excinfo.value, NotGreen) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[os.PathLike[str] | str, int | None, str]:
        return self.path, None, "assumptions"


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Where the evidence is."""
    for bundle in _bundles(config):
        terminalreporter.write_line(f"faultbox bundle: {bundle}")


def _bundles(config: pytest.Config) -> Iterator[Path]:
    session = config.pluginmanager.get_plugin("session")
    files = {item.parent for item in getattr(session, "items", ()) if isinstance(item, CaseItem)}
    begun = [each.begun for each in files if isinstance(each, SpecFile)]
    yield from sorted(run.bundle for run in begun if run is not None and run.bundle is not None)
