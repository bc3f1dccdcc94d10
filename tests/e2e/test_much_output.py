"""Services that print without end or measure: the bundle can be read, and a result stays small."""

from __future__ import annotations

from pathlib import Path

import pytest

from faultbox import evidence

pytestmark = [pytest.mark.root]

SPEC = """
noisy = service("noisy", PYTHON, interface("main", "tcp", 8080), args = ["-I", "-S", PROGRAMS + "/noisy.py"],
                env = {"BYTES": "%s", "PORT": "8080"}, healthcheck = tcp("localhost:8080"), %s)

def test_long():
    text = "é" * 1000000
    print(text)
    fail(text)
"""


@pytest.mark.parametrize(
    ("size", "more"), [(17 << 20, ""), (3 << 20, "observe = [observe.stdout()]")], ids=["log", "events"]
)
def test_a_bundle_of_endless_lines_can_be_read(tool, size: int, more: str) -> None:
    outcome = tool.test(SPEC % (size, more))
    assert outcome.verdicts() == {"test_long": "failed"}, outcome
    with evidence.open(Path(outcome.results["bundle"])) as bundle:
        (result,) = bundle.outcome().results
        assert sum(1 for _ in bundle.events(result.directory)) >= (4 if more else 1)
    assert result.reason.endswith("... (1000000 characters)")
    assert [len(text) < 20_000 for text in result.prints] == [True]
    assert all(len(line) < 500 for line in result.logs.get("noisy", ()))


def test_a_case_that_failed_is_shown_with_all_that_had_happened(tool) -> None:
    spec = """
    chatty = service("chatty", PYTHON, interface("main", "tcp", 8080), args = ["-I", "-S", PROGRAMS + "/noisy.py"],
                     env = {"BYTES": "3000000", "LINE": "100", "PORT": "8080"}, healthcheck = tcp("localhost:8080"),
                     observe = [observe.stdout()])

    monitor("looks_at_all_of_them", check = lambda event: None)

    def test_fails():
        fail("at once")
    """
    outcome = tool.test(spec)
    assert outcome.verdicts() == {"test_fails": "failed"}, outcome
    with evidence.open(Path(outcome.results["bundle"])) as bundle:
        (result,) = bundle.outcome().results
        kinds = [event["type"] for event in bundle.events(result.directory)]
    assert kinds.count("stdout") == 30_000
    assert kinds[: result.judged].count("stdout") == 30_000
