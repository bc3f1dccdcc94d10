"""The process that starlark-go lives in: reads files from standard input, answers with what is wrong.

It is run by its path with only the standard library, and the directory of starlark_go as its one
argument: the Go runtime starts threads, which no process that forks may have.
"""

import json
import sys
from typing import Any

PREAMBLE = "1 // 0\n"
"""A first statement that fails: the file behind it is parsed and resolved, but never executed."""


def main() -> None:
    """Standard input: {"names": [...], "texts": [...]}; standard output: a list of problems for each text."""
    sys.path.insert(0, sys.argv[1])
    import starlark_go

    asked = json.load(sys.stdin)
    names = dict.fromkeys(asked["names"])
    json.dump([judge(starlark_go, names, text) for text in asked["texts"]], sys.stdout)


def judge(starlark_go: Any, names: dict[str, None], text: str) -> list[tuple[str, str, int, int]]:
    """The problems of one file, as (kind, message, line, column); kind is "syntax", "resolve" or "gate"."""
    try:
        starlark_go.Starlark(globals=names).exec(PREAMBLE + text, filename="spec")
    except starlark_go.SyntaxError as error:
        return [("syntax", error.msg, error.line - 1, error.column)]
    except starlark_go.ResolveError as error:
        return [("resolve", each.msg, each.line - 1, each.column) for each in error.errors]
    except starlark_go.EvalError:
        return []
    except Exception as error:  # noqa: BLE001 - whatever the binding raises is an answer
        return [("gate", str(error) or type(error).__name__, 1, 1)]
    return [("gate", "the file was executed", 1, 1)]


if __name__ == "__main__":
    main()
