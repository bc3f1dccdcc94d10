"""Asks starlark-go: a JSON list of {"source", "kind"} on standard input, a list of answers on standard output.

A process of its own, because the Go runtime must not live where tests fork. An expression's
answer is {"value": repr} or {"error": text}, a program's {"printed": [...], "error": text or null}.
"""

import json
import sys

import starlark_go


def _text(error):
    text = error.error
    where, _, message = text.partition(": ")
    return message if ":" in where and message else text


def expression(source):
    try:
        return {"value": starlark_go.Starlark().eval(source, convert=False)}
    except starlark_go.EvalError as error:
        return {"error": _text(error)}
    except starlark_go.StarlarkError as error:
        return {"error": str(error)}


def program(source):
    printed = []
    error = None
    try:
        starlark_go.Starlark().exec(source, filename="spec", print=printed.append)
    except starlark_go.EvalError as raised:
        error = _text(raised)
    except starlark_go.StarlarkError as raised:
        error = str(raised)
    return {"printed": printed, "error": error}


def answer(case):
    return expression(case["source"]) if case["kind"] == "expression" else program(case["source"])


if __name__ == "__main__":
    json.dump([answer(case) for case in json.load(sys.stdin)], sys.stdout)
