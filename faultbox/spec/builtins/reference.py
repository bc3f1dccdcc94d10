"""docs/reference/builtins.md, made from the builtins themselves.

python -m faultbox.spec.builtins.reference > docs/reference/builtins.md
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Mapping

from faultbox.model.protocols import ABSENT, GENERIC, PROTOCOLS, ActionForm, MatchKey, Method
from faultbox.model.protocols import Parameter as StepParameter
from faultbox.spec.builtins.bind import TOPICS
from faultbox.spec.builtins.declare import REGISTRY, Definition, Parameter
from faultbox.spec.builtins.unavailable import NEEDS
from faultbox.spec.builtins.values import plain

HEAD = """# What a spec can call

Made by `python -m faultbox.spec.builtins.reference`; edit the docstrings in `faultbox/spec/builtins/`.

Arguments before `*` may be given by position, the others only by name. A positional argument may follow
a named one. Durations are strings: `"500ms"`, `"3s"`, `"2m"`, `"1.5s"`, `"1h"`. What is wrong with a call is
said with its place, a [code](errors.md), what is accepted and the nearest name.
"""
STEPS = """## Steps

Methods of an interface: `api.public.get(path="/")`, or of a service that has just one interface with that step:
`api.get(path="/")`. All of them give a response and never raise.
"""
MESSAGES = """## Faults on messages

What response(), error() and their kin can do, and what they can match messages by, depends on the protocol of
the interface: a word that it doesn't know is an error while the spec is loaded. A word that is not written
matches everything.

- Match keys are globs: `*` is any run of characters, `?` is one. In a path `*` stays within one segment, but at the
  end of the path. A key that is several things is a dict: `headers={"X-Tenant": "a*"}`. `op` is `method`,
  `collection` is `key`, `subject` is `topic`, whichever the protocol has.
- An argument of the action comes before a match key of its name: `response(status=503)` answers 503. To match by
  such a name write `match={"body": "*card*"}`.
- Rules of an interface are asked in the order written, those of inner scopes first. The first that decides is what
  is done; delay() and slow() let the next ones look.
- rewrite(), truncate(), corrupt() and slow() are about answers, and so is what sends `after_bytes`; the others are
  about requests. `side=` says otherwise. A rule on answers can match by what the request was, and by `status`.
- corrupt() changes bytes, not values: it spares an http head, and the header of a redis string or of the first row of
  postgres, and may hit what frames the rest (a chunk's size, a row's lengths). For a wrong value use rewrite().
- nth, first, after, every and probability go by messages that match, for each caller by itself.

All protocols here have delay(), drop(), reset(), hang(), duplicate(), slow(), truncate() and corrupt(), except where
it is said, and these:
"""
VALUES = """## Values

- A *response* has `status` and `status_code` (0 where there is none), `headers` (`headers["content-type"]` and
  `headers.get()` ignore case), `body`, `data` (decoded JSON), `fields` (its top level as strings), `ok`, `error`
  (`""` where an answer came) and `duration_ms`. One of a tcp step is equal to a string of the same content.
- An *event* has `type`, `service`, `seq`, `time_ns`, `data` (a dict, typed) and its flat fields, which are strings:
  `event["stock"]` is an error where there is no such field, `event.stock` is `""`, `event.get("stock")` is `None`.
  `a.happens_before(b)`, `a.happens_after(b)` and `a.concurrent_with(b)` compare it with another one by cause, not by
  the clock: whether messages lead from one to the other. Where that isn't known, the case is inconclusive.
- A *service* has `name` and its interfaces; an *interface* has `name`, `host`, `port`, `addr` and its steps.
"""
_ENTRY = re.compile(r"^(\**\w+): (.*)$")


def render() -> str:
    """The whole page."""
    parts = [HEAD]
    for module in TOPICS:
        found = [each for each in REGISTRY.values() if _home(each) == module.__name__]
        if found:
            parts.append(f"## {_title(module.__doc__)}\n")
            parts.extend(_builtin(each) for each in found)
    return "\n".join([*parts, _messages(), _steps(), VALUES, _later()])


def entries(definition: Definition) -> tuple[str, dict[str, str]]:
    """A docstring as its text and its `name: meaning` lines; `gives` is one of them."""
    prose: list[str] = []
    found: dict[str, str] = {}
    name = ""
    for line in (inspect.getdoc(definition.body) or "").split("\n"):
        entry = _ENTRY.match(line)
        if entry:
            name = entry[1]
            found[name] = entry[2]
        elif name and line.startswith("    "):
            found[name] += f" {line.strip()}"
        else:
            prose.append(line)
    return "\n".join(prose).strip(), found


def parameters(definition: Definition) -> list[str]:
    """The names that the docstring must explain, as it writes them."""
    names = [each.name for each in definition.parameters]
    return names + [f"*{definition.rest}"] * bool(definition.rest) + [f"**{definition.extra}"] * bool(definition.extra)


def _home(definition: Definition) -> str:
    return str(inspect.unwrap(definition.body).__module__)


def _title(doc: str | None) -> str:
    return (doc or "").strip().split("\n")[0].rstrip(".")


def _builtin(definition: Definition) -> str:
    prose, meanings = entries(definition)
    kinds = {each.name: each.kind for each in definition.parameters}
    kinds |= {f"*{definition.rest}": definition.kinds.get(definition.rest, _none)}
    kinds |= {f"**{definition.extra}": definition.kinds.get(definition.extra, _none)}
    lines = [f"### {definition.name}\n", f"```python\n{signature(definition)}\n```\n", f"{prose}\n"]
    lines.extend(
        f"- `{name}`: {meanings[name]}. Takes {(kinds[name].__doc__ or '').strip()}." for name in parameters(definition)
    )
    if "gives" in meanings:
        lines += [""] * (lines[-1][-1] != "\n") + [f"Gives {meanings['gives']}."]
    return "\n".join(lines).rstrip() + "\n"


def signature(definition: Definition) -> str:
    """How it is called, with its defaults."""
    positional = [_parameter(each) for each in definition.parameters if each.positional]
    named = [_parameter(each) for each in definition.parameters if not each.positional]
    rest = [f"*{definition.rest}"] if definition.rest else ["*"] * bool(named)
    extra = [f"**{definition.extra}"] if definition.extra else []
    return f"{definition.name}({', '.join([*positional, *rest, *named, *extra])})"


def _parameter(parameter: Parameter) -> str:
    if parameter.required:
        return parameter.name
    return f"{parameter.name}={_default(parameter)}"


def _default(parameter: Parameter) -> str:
    value = parameter.default
    if isinstance(value, int | float) and "duration" in (parameter.kind.__doc__ or ""):
        return f'"{value / 1000:g}s"'
    if value in (None, "", ()):
        return "None" if value is None else '""' if value == "" else "[]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _none(_value: object, _label: str) -> None:
    """nothing"""


def _messages() -> str:
    """Every protocol's match keys and actions."""
    lines = [MESSAGES]
    built = [each for each in PROTOCOLS.values() if each.actions]
    for protocol in built:
        lines.append(f"### Messages of {protocol.name}\n")
        lines.extend(_match_key(each) for each in protocol.match.values())
        own = [form for form in protocol.actions.values() if GENERIC.get(form.action) != form]
        lines += ["", "| action | does | takes |", "|---|---|---|", *map(_action, own)] if own else []
        missing = [f"`{each}()`" for each in GENERIC if each not in protocol.actions]
        lines += ["", f"There is no {', '.join(missing)}."] if missing else []
        lines.append("")
    others = ", ".join(f"`{each.name}`" for each in PROTOCOLS.values() if not each.actions)
    lines.append(f"This version has no proxies for {others}: faults on their messages are refused.\n")
    return "\n".join(lines)


def _action(form: ActionForm) -> str:
    taken = "<br>".join(_taken(each) for each in form.arguments) or "nothing"
    only = f" Of the {form.sides[0]} only." if len(form.sides) == 1 else ""
    return f"| `{form.action}()` | {form.doc}{only} | {taken} |"


def _taken(parameter: StepParameter) -> str:
    default = "" if parameter.default is ABSENT else f"={parameter.default!r}"
    return f"`{parameter.name}{default}`" + (f": {parameter.doc}" if parameter.doc else "")


def _match_key(key: MatchKey) -> str:
    several = f"; a dict, or one glob over all of it: `{key.name}=`" if key.whole else "; a dict" if key.entries else ""
    only = f" (of the {key.sides[0]} only)" if len(key.sides) == 1 else ""
    return f"- by `{key.name}`: {key.doc or key.name}{several}{only}"


def _steps() -> str:
    lines = [STEPS]
    for protocol in PROTOCOLS.values():
        if protocol.methods:
            lines.append(f"### {protocol.name}\n")
            first = next(iter(protocol.methods.values()))
            lines.extend(_step(first, method) for method in protocol.methods.values())
            lines.append("")
    unbuilt = ", ".join(f"`{each.name}`" for each in PROTOCOLS.values() if not each.methods)
    lines.append(f"Interfaces may also speak {unbuilt}; this version has no steps for them.\n")
    return "\n".join(lines)


def _step(first: Method, method: Method) -> str:
    arguments = ", ".join(_step_parameter(each) for each in method.parameters)
    line = f"- `{method.name}({arguments})`: {method.doc}"
    if method is not first and method.parameters == first.parameters:
        return f"{line} Arguments as for `{first.name}`."
    return line + "".join(f"\n    - `{each.name}`: {each.doc}" for each in method.parameters if each.doc)


def _step_parameter(parameter: StepParameter) -> str:
    value = parameter.default
    if value is ABSENT or value is None:
        return f"{parameter.name}=None"
    if isinstance(value, Mapping):
        return f"{parameter.name}={{}}"
    return f"{parameter.name}=" + (f'"{value}"' if isinstance(value, str) else f"{plain(value)}")


def _later() -> str:
    lines = ["## Names of later versions\n", "They are refused, with what they wait for:\n"]
    for feature, names in NEEDS.items():
        lines.append(f"- {feature}: " + ", ".join(f"`{each}`" for each in names.split()))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(render())
