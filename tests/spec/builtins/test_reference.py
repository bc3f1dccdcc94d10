"""The reference is what the builtins say of themselves, and every code is explained."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import faultbox
from faultbox.spec.builtins import BUILTINS, reference

DOCS = Path(faultbox.__file__).parent.parent / "docs" / "reference"
RAISING = frozenset({"Wrong", "Problem", "SpecError", "AssertionFailed", "Ruling", "CaseResult", "warn", "_broke"})


def test_the_reference_is_up_to_date() -> None:
    advice = "run: python -m faultbox.spec.builtins.reference > docs/reference/builtins.md"
    assert (DOCS / "builtins.md").read_text() == reference.render(), advice


@pytest.mark.parametrize("name", list(BUILTINS))
def test_every_builtin_explains_itself(name: str) -> None:
    definition = BUILTINS[name]
    prose, meanings = reference.entries(definition)
    assert re.match(r"[A-Z].*\.$", prose.split("\n")[0]), "the first line is a sentence"
    assert set(meanings) - {"gives"} == set(reference.parameters(definition))
    assert all((kind.__doc__ or "").strip() for kind in definition.kinds.values())


def test_every_builtin_knows_the_kinds_of_its_parameters() -> None:
    for definition in BUILTINS.values():
        names = {each.lstrip("*") for each in reference.parameters(definition)}
        assert set(definition.kinds) == names, definition.name


def codes() -> Iterator[tuple[str, str]]:
    """Every code that some place in the code gives to a problem or a verdict."""
    for path in Path(faultbox.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            for each in _given(node):
                yield from ((code, path.name) for word in ast.walk(each) for code in _code(word))


def _given(node: ast.AST) -> list[ast.expr]:
    """The expressions that are codes: arguments of what raises, defaults of `code`, what is assigned to one."""
    if isinstance(node, ast.Call) and _name(node.func) in RAISING:
        return [*node.args, *(each.value for each in node.keywords if each.arg == "code")]
    if isinstance(node, ast.FunctionDef):
        ended = zip(reversed(node.args.args), reversed(node.args.defaults), strict=False)
        return [default for each, default in ended if each.arg == "code"]
    if isinstance(node, ast.Assign) and any("code" in _name(each).split("_") for each in _leaves(node.targets)):
        return [node.value]
    return []


def _leaves(targets: list[ast.expr]) -> Iterator[ast.expr]:
    for each in targets:
        yield from each.elts if isinstance(each, ast.Tuple) else [each]


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _code(node: ast.AST) -> list[str]:
    return re.findall(r"^[A-Z][A-Z_0-9]{3,}$", str(node.value)) if isinstance(node, ast.Constant) else []


def test_every_code_is_explained() -> None:
    explained = set(re.findall(r"`([A-Z_0-9]{4,})`", (DOCS / "errors.md").read_text()))
    used = dict(codes())
    assert {
        "WRONG_TYPE",
        "UNKNOWN_PAIR",
        "SYNTAX",
        "NOT_PREPARED",
        "NOT_READY",
        "HELPER_DIED",
        "NOT_RESTARTED",
    } <= used.keys()
    assert used.keys() <= explained, {code: used[code] for code in used.keys() - explained}
