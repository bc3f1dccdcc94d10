"""The page's modules as one script, so that the page loads nothing.

A module becomes a function that is called once and returns what it exports; what it imports are constants of that.
Only what the modules use is understood: `import { a, b } from "./x.mjs";`, and `export` before a declaration.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

_IMPORT = re.compile(r'^import \{(?P<names>[^}]*)\} from "\./(?P<name>\w+)\.mjs";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const) (?P<name>\w+))", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*|</script|<!--", re.MULTILINE)


class Unjoinable(Exception):
    """A module that is not written in the way that is understood here."""


def joined(entry: str, source: Callable[[str], str]) -> str:
    """The script that `entry` is, with all that it imports before it. `source` gives a module's text by its name."""
    return "".join(_function(name, text) for name, text in _in_order(entry, source, {}, ()))


def _in_order(
    name: str, source: Callable[[str], str], done: dict[str, None], above: tuple[str, ...]
) -> Iterator[tuple[str, str]]:
    """Modules with their texts, each after those that it imports, once."""
    if name in above:
        raise Unjoinable(f"modules import each other: {' -> '.join((*above, name))}")
    if name in done:
        return
    text = source(name)
    for found in _IMPORT.finditer(text):
        yield from _in_order(found["name"], source, done, (*above, name))
    done[name] = None
    yield name, text


def _function(name: str, text: str) -> str:
    body = _IMPORT.sub(lambda found: f"const {{{found['names']}}} = module_{found['name']};\n", text)
    exported = [found["name"] for found in _EXPORT.finditer(body)]
    body = _EXPORT.sub("", body)
    if (wrong := _OTHER.search(body)) is not None:
        raise Unjoinable(f"{name}.mjs: can't be put into a page: {wrong.group()}")
    return f"const module_{name} = (() => {{\n{body}\nreturn {{ {', '.join(exported)} }};\n}})();\n"
