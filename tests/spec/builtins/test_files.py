"""load_file(), load_json(), here(), and observing output."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from faultbox import spec as specs
from faultbox.model.source import SpecErrors
from faultbox.model.spec import Spec
from faultbox.spec.builtins import files

Load = Callable[..., Spec]
Problems = Callable[..., list[str]]


def test_a_file_is_read_from_the_spec_s_directory(load: Load, place: Path) -> None:
    (place / "schema.sql").write_bytes("größe\n".encode() + b"\xff")
    heard: list[str] = []
    spec = load('x = load_file("./schema.sql")\nprint(x[:3], len(x))', printed=heard)
    assert heard == ["gr\udcc3 9"] or heard == ["gr� 9"]
    assert set(spec.sources) == {str(place / "spec.star"), str(place / "schema.sql")}


def test_json_becomes_frozen_values(load: Load, problems: Problems, place: Path) -> None:
    (place / "x.json").write_text('{"a": [1, 2.5, null, true, {"b": "c"}]}')
    heard: list[str] = []
    load('print(load_json("x.json"))', printed=heard)
    assert heard == ['{"a": [1, 2.5, None, True, {"b": "c"}]}']
    (found,) = problems('load_json("x.json")["a"].append(1)')
    assert found == "4:1 [EVALUATION] append: cannot append to frozen list"


def test_here_is_beside_the_file_that_says_it(load: Load, place: Path) -> None:
    (place / "sub").mkdir()
    (place / "sub" / "m.star").write_text('c = service("c", here("../bin/db"))\nwhere = here("x")\n')
    heard: list[str] = []
    spec = load('load("sub/m.star", "where")\nprint(where)', printed=heard)
    assert heard == [str(place / "sub" / "x")]
    assert spec.services["c"].binary == str(place / "bin/db")


@pytest.mark.usefixtures("load")
def test_here_leads_to_where_the_files_of_a_spec_are_that_lies_elsewhere(place: Path) -> None:
    for name in ("bundled/sub", "checkout/sub"):
        (place / name).mkdir(parents=True)
    (place / "bundled" / "sub" / "m.star").write_text('where = here("../../bin/db")\n')
    (place / "bundled" / "spec.star").write_text('load("sub/m.star", "where")\nprint(here("x"), where)\n')
    heard: list[str] = []
    spec = Path("bundled/spec.star")
    specs.load(spec, seed=1, root=Path("checkout"), on_print=lambda line, _position: heard.append(line))
    assert heard == [f"{place}/checkout/x {place}/bin/db"]


@pytest.mark.usefixtures("load")
def test_a_spec_that_is_only_asked_needs_nothing_that_its_services_are_started_from(place: Path) -> None:
    named = '"./gone/db", cwd = "gone", user = "nobody-of-ours", volumes = {"gone": "/data"}'
    (place / "spec.star").write_text(f'db = service("db", {named})\nweb = service("web", "no-such-program")\n')
    found = specs.load(Path("spec.star"), seed=1, runnable=False).services
    assert (found["db"].binary, found["web"].binary) == (str(place / "gone" / "db"), "no-such-program")
    with pytest.raises(SpecErrors) as refused:
        specs.load(Path("spec.star"), seed=1)
    assert {each.code for each in refused.value.problems} == {"FILE_NOT_FOUND", "UNKNOWN_USER"}


def test_mistakes_in_files(
    problems: Problems, place: Path, monkeypatch: pytest.MonkeyPatch, mistake: tuple[str, list[str]]
) -> None:
    call, wanted = mistake
    (place / "bad.json").write_text("{")
    (place / "big").write_text("x" * 11)
    monkeypatch.setattr(files, "LIMIT", 10)
    assert [each.split(" | near: ./bin")[0] for each in problems(call)] == wanted


def test_json_that_is_nested_too_deeply(problems: Problems, place: Path) -> None:
    (place / "deep.json").write_text("[" * 100_000)
    (found,) = problems('load_json("deep.json")')
    assert found.startswith("4:11 [BAD_FILE] load_json(): deep.json is no JSON: ")


def test_mistakes_in_observing(problems: Problems, mistake: tuple[str, list[str]]) -> None:
    call, wanted = mistake
    shown = [each if "accepted" in "".join(wanted) else each.split(" | accepted: ")[0] for each in problems(call)]
    assert shown == wanted
