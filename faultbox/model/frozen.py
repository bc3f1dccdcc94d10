"""`@frozen`: a frozen dataclass that costs nothing to define.

`dataclass(frozen=True)` writes six methods as text and compiles them, 0.8 ms for every class in
every process that imports it: a quarter of the start of a command. Here all classes share methods
that read their fields. An instance takes 2 µs to make in place of 1, so what is made for every
event of a world stays a plain dataclass.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import MISSING, FrozenInstanceError, dataclass, field, fields
from operator import attrgetter
from typing import Any, NoReturn, TypeVar, dataclass_transform, overload

Class = TypeVar("Class", bound=type)


@overload
def frozen(cls: Class, /) -> Class: ...
@overload
def frozen(*, eq: bool = True) -> Callable[[Class], Class]: ...
@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: Class | None = None, /, *, eq: bool = True) -> Class | Callable[[Class], Class]:
    """The class as a frozen dataclass: for `fields`, `replace`, `asdict`, pickle and `match` it is one.

    Defaults, `default_factory`, `repr=`, `compare=`, `hash=` and `__post_init__` do what they always do; other
    arguments of `field` have no effect. With `eq=False` an instance equals only itself.
    """
    return _frozen(eq=eq)(cls) if cls is not None else _frozen(eq=eq)


def _frozen(*, eq: bool) -> Callable[[Class], Class]:
    def decorate(cls: Class) -> Class:
        cls.__doc__ = cls.__doc__ or cls.__name__  # else the signature is written there, which takes 0.3 ms
        dataclass(init=False, repr=False, eq=False)(cls)
        methods = {"__init__": _init(cls), "__repr__": _repr, "__setattr__": _refuse, "__delattr__": _refuse}
        if eq:
            methods |= _comparison(cls)
        for name, method in methods.items():
            if name not in cls.__dict__:
                setattr(cls, name, method)
        return cls

    return decorate


def _init(cls: type) -> Callable[..., None]:
    """A field that is left at its default stays the class's attribute."""
    known = fields(cls)
    names = tuple(each.name for each in known)
    all_names = frozenset(names)
    factories = {each.name: each.default_factory for each in known if each.default_factory is not MISSING}
    required = {each.name for each in known if each.default is MISSING} - factories.keys()
    post_init = hasattr(cls, "__post_init__")

    def init(self: Any, /, *positional: Any, **given: Any) -> None:
        if positional:
            by_place = dict(zip(names, positional, strict=False))
            if len(positional) > len(names) or not by_place.keys().isdisjoint(given):
                raise TypeError(f"{cls.__name__}() got {len(positional)} positional arguments and {list(given)}")
            given = by_place | given
        for name, factory in factories.items():
            if name not in given:
                given[name] = factory()
        if not given.keys() >= required:
            missing = [name for name in names if name in required and name not in given]
            raise TypeError(f"{cls.__name__}() lacks {', '.join(missing)}")
        if not given.keys() <= all_names:
            raise TypeError(f"{cls.__name__}() has no {', '.join(given.keys() - all_names)}")
        self.__dict__.update(given)
        if post_init:
            self.__post_init__()

    return init


def _comparison(cls: type) -> dict[str, Callable[..., Any]]:
    values = _getter([each.name for each in fields(cls) if each.compare])
    hashable = _getter([each.name for each in fields(cls) if (each.compare if each.hash is None else each.hash)])

    def equals(self: object, other: object) -> Any:
        return values(self) == values(other) if other.__class__ is self.__class__ else NotImplemented

    def hashed(self: object) -> int:
        return hash(hashable(self))

    return {"__eq__": equals, "__hash__": hashed}


def _getter(names: Sequence[str]) -> Callable[[Any], Any]:
    return attrgetter(*names) if names else lambda _: ()


def _repr(self: Any) -> str:
    shown = ", ".join(f"{each.name}={getattr(self, each.name)!r}" for each in fields(self) if each.repr)
    return f"{type(self).__qualname__}({shown})"


def _refuse(self: object, name: str, *_: object) -> NoReturn:
    raise FrozenInstanceError(f"{type(self).__name__}.{name} is frozen")
