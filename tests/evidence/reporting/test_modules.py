"""Modules joined into one script: in order, each once, nothing that is not understood."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from faultbox.evidence.reporting.modules import Unjoinable, joined


def join(modules: Mapping[str, str], entry: str = "main") -> str:
    return joined(entry, modules.__getitem__)


def test_what_is_imported_stands_before_once() -> None:
    script = join(
        {
            "main": 'import { a } from "./one.mjs";\nimport { b } from "./two.mjs";\nuse(a, b);\n',
            "one": 'import { b } from "./two.mjs";\nexport const a = b + 1;\n',
            "two": "export const b = 1;\nconst hidden = 2;\nexport async function c() {}\nexport class D {}\n",
        }
    )
    assert script.count("const module_two = ") == 1
    assert script.index("module_two = ") < script.index("module_one = ") < script.index("module_main = ")
    assert "return { b, c, D };" in script
    assert "const { a } = module_one;" in script
    assert "import" not in script
    assert "export" not in script


@pytest.mark.parametrize(
    "wrong",
    [
        'import thing from "./x.mjs";\n',
        'import "./x.mjs";\n',
        "export default 1;\n",
        "export { a };\n",
        'const text = "</script>";\n',
        "// <!-- hello\n",
    ],
)
def test_what_is_not_understood_is_refused(wrong: str) -> None:
    with pytest.raises(Unjoinable, match=r"main\.mjs: can't be put into a page"):
        join({"main": wrong, "x": ""})


def test_circles_are_refused() -> None:
    with pytest.raises(Unjoinable, match="main -> other -> main"):
        join({"main": 'import { a } from "./other.mjs";\n', "other": 'import { b } from "./main.mjs";\n'})
