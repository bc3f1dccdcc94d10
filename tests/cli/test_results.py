"""`--format json`: only JSON on stdout, and as its schema says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/reference/results.schema.json").read_text())


@pytest.fixture
def results(faultbox: Callable[..., Any]) -> Callable[..., Any]:
    def call(*arguments: str, script: str = "passing", command: str = "test") -> Any:
        ran = faultbox(command, "--format", "json", *arguments, script=script)
        document = json.loads(ran.out)
        jsonschema.Draft202012Validator(SCHEMA).validate(document)
        assert ran.code == document["exit"]
        assert ran.err == ""
        return document

    return call


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_the_schema_refuses_what_it_does_not_say(results: Callable[..., Any]) -> None:
    document = results()
    for change in ({"verdict": "splendid"}, {"colour": 1}, {"cases": [{}]}, {"counts": {}}):
        assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(document | change)


@pytest.mark.parametrize(
    ("script", "verdict", "code"),
    [
        ("passing", "passed", 0),
        ("orders", "failed", 1),
        ("everything", "failed", 1),
        ("misspelt", "refused", 2),
        ("nothing", "refused", 2),
        ("unfit", "refused", 3),
    ],
)
def test_every_outcome_has_its_document(results: Callable[..., Any], script: str, verdict: str, code: int) -> None:
    document = results("--seed", "5", script=script)
    assert (document["verdict"], document["exit"]) == (verdict, code)


def test_cases_say_what_people_are_told(results: Callable[..., Any], here: Path) -> None:
    document = results("--seed", "1", script="orders")
    assert document["counts"] == {
        "passed": 3,
        "failed": 1,
        "errored": 0,
        "inconclusive": 0,
        "halted": 0,
        "not_exercised": 1,
    }
    assert [each["exercised"] for each in document["cases"]] == [None, True, True, False]
    red = document["cases"][2]
    assert red["reason"] == "expect_success: status_code=503 (want < 500)"
    assert (red["scenario"], red["fault"], red["source"]) == ("order_creation", "cache_down", "spec.star:7:1")
    assert [(each["seen"], each["matched"], each["fired"]) for each in red["rules"]] == [(4, 4, 4), (2, 0, 0)]
    assert red["replay"] == "faultbox test faultbox.star --test matrix_order_creation_cache_down --seed 1"
    assert document["bundle"] == str(here / "run-2026-04-23T11-12-34-1.fb")


def test_dead_assumptions_warnings_and_errors(results: Callable[..., Any]) -> None:
    document = results("--no-bundle", script="everything")
    assert [each["name"] for each in document["dead_assumptions"]] == ["disk_full"]
    assert document["warnings"][1] == "db_slow: not exercised"
    assert document["errors"] == ["it broke"]
    assert document["bundle"] is None


def test_problems(results: Callable[..., Any]) -> None:
    first = results(script="misspelt")["problems"][0]
    assert first["code"] == "UNKNOWN_ERRNO"
    assert first["source"] == "faultbox.star:1:8"
    assert first["nearest"] == "EIO"


@pytest.mark.parametrize("command", ["test", "check"])
def test_what_is_only_planned_has_no_verdict(results: Callable[..., Any], command: str) -> None:
    flags = ["--dry-run"] if command == "test" else []
    document = results(*flags, script="dry", command=command)
    assert document["verdict"] == "planned"
    assert [(each["id"], each["verdict"]) for each in document["cases"]] == [
        ("test_health", None),
        ("matrix_order_db_down", None),
    ]
