"""@frozen beside the standard library's frozen dataclass: whatever is done to both has the same outcome."""

import copy
import dataclasses
import pickle
from dataclasses import dataclass, field
from typing import Any

import pytest

from faultbox.model.frozen import frozen


@frozen
class Ours:
    """A class with every kind of field."""

    name: str
    count: int = 0
    tags: list[str] = field(default_factory=list)
    secret: str = field(default="", repr=False, compare=False)
    extra: dict[str, int] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class Theirs:
    name: str
    count: int = 0
    tags: list[str] = field(default_factory=list)
    secret: str = field(default="", repr=False, compare=False)
    extra: dict[str, int] = field(default_factory=dict, hash=False)


BOTH = pytest.mark.parametrize("kind", [Ours, Theirs])


@BOTH
@pytest.mark.parametrize(
    ("args", "keywords", "expected"),
    [
        (("a",), {}, ("a", 0, [], "")),
        (("a", 2), {"tags": ["x"]}, ("a", 2, ["x"], "")),
        ((), {"count": 3, "name": "b", "secret": "s"}, ("b", 3, [], "s")),
        (("a", 1, ["y"], "z"), {}, ("a", 1, ["y"], "z")),
    ],
)
def test_arguments_become_fields(kind: Any, args: tuple[Any, ...], keywords: dict[str, Any], expected: object) -> None:
    made = kind(*args, **keywords)
    assert (made.name, made.count, made.tags, made.secret) == expected


@BOTH
@pytest.mark.parametrize(
    ("args", "keywords"),
    [((), {}), ((), {"count": 1}), (("a",), {"name": "b"}), (("a",), {"size": 1}), (("a", 1, [], "", {}, 6), {})],
)
def test_wrong_arguments_are_refused(kind: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        kind(*args, **keywords)


@BOTH
def test_a_default_factory_is_called_for_each_instance(kind: Any) -> None:
    assert kind("a").tags is not kind("a").tags


@BOTH
def test_instances_are_equal_by_the_fields_that_compare(kind: Any) -> None:
    assert kind("a", tags=["x"]) == kind("a", tags=["x"], secret="other")
    assert kind("a") != kind("b")
    assert kind("a") != ("a", 0, [], "")


def test_classes_of_the_same_fields_differ() -> None:
    assert Ours("a") != Theirs("a")


@BOTH
def test_equal_instances_have_equal_hashes(kind: Any) -> None:
    one, other = kind("a", 1, ()), kind("a", 1, (), secret="other")
    assert hash(one) == hash(other)
    assert len({one, other, kind("b", 1, ())}) == 2


@BOTH
def test_nothing_can_be_assigned_or_deleted(kind: Any) -> None:
    made = kind("a")
    with pytest.raises(dataclasses.FrozenInstanceError):
        made.name = "b"
    with pytest.raises(dataclasses.FrozenInstanceError):
        del made.name


@BOTH
def test_the_helpers_of_dataclasses_work(kind: Any) -> None:
    made = kind("a", 1)
    assert dataclasses.replace(made, count=2) == kind("a", 2)
    assert dataclasses.asdict(made) == {"name": "a", "count": 1, "tags": [], "secret": "", "extra": {}}
    assert [each.name for each in dataclasses.fields(made)] == ["name", "count", "tags", "secret", "extra"]
    match made:
        case Ours(name, count) | Theirs(name, count):
            assert (name, count) == ("a", 1)


@BOTH
def test_copies_are_equal(kind: Any) -> None:
    made = kind("a", 1, ["x"])
    assert pickle.loads(pickle.dumps(made)) == made
    assert copy.deepcopy(made) == made


def test_it_is_shown_as_a_dataclass_is() -> None:
    assert (
        repr(Ours("a", 1))
        == repr(Theirs("a", 1)).replace("Theirs", "Ours")
        == "Ours(name='a', count=1, tags=[], extra={})"
    )


def test_without_eq_an_instance_equals_only_itself() -> None:
    @frozen(eq=False)
    class Single:
        name: list[str]

    one = Single([])
    assert one == one  # noqa: PLR0124 - that is what is tested
    assert one != Single([])
    assert len({one, Single([])}) == 2


def test_post_init_and_own_methods_are_kept() -> None:
    @frozen
    class Checked:
        count: int

        def __post_init__(self) -> None:
            if self.count < 0:
                raise ValueError("negative")

        def __repr__(self) -> str:
            return f"<{self.count}>"

    assert repr(Checked(1)) == "<1>"
    with pytest.raises(ValueError, match="negative"):
        Checked(-1)


def test_a_class_below_has_the_fields_of_both() -> None:
    @frozen
    class Below(Ours):
        depth: int = 1

    assert Below("a", depth=2) == Below("a", 0, [], "", {}, 2)
    assert Below("a") != Ours("a")
    assert repr(Below("a")).endswith("Below(name='a', count=0, tags=[], extra={}, depth=1)")


def test_a_class_without_fields_has_equal_instances() -> None:
    @frozen
    class Nothing:
        """No field."""

    assert Nothing() == Nothing()
    assert len({Nothing(), Nothing()}) == 1
