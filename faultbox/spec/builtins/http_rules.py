"""What rules on http can't say, whatever the types of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from faultbox.model.message import MessageAction, Side
from faultbox.model.printed import printed
from faultbox.spec.builtins.values import show
from faultbox.spec.builtins.wrong import Wrong

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
"""A token (RFC 9110, 5.6.2)."""
_BODILESS = (204, 304)


def check_http(action: MessageAction, side: Side, arguments: Mapping[str, Any]) -> None:
    """Raises Wrong for what could not be sent, or would change nothing."""
    for name, value in arguments.get("headers", {}).items():
        _check_header(name, value)
    if "body" in arguments and "json" in arguments:
        raise Wrong("WRONG_VALUE", "body and json are both given", accepted="one of them")
    bodies = [each for each in ("body", "json") if each in arguments]
    if bodies and arguments.get("status") in _BODILESS:
        message = f"an answer with status {arguments['status']} has no body: leave out {bodies[0]}"
        raise Wrong("NO_EFFECT", message)
    if action is MessageAction.REWRITE:
        _check_rewrite(side, arguments)


def _check_rewrite(side: Side, arguments: Mapping[str, Any]) -> None:
    if side == "request" and "status" in arguments:
        raise Wrong("NO_EFFECT", "a request has no status: leave out status, or side")
    json = arguments.get("json", {})
    if not isinstance(json, dict):
        message = f"json must be a dict of dotted paths to their new values, got {printed(json)}"
        raise Wrong("WRONG_TYPE", f"{message}; body= replaces all of a body")


def _check_header(name: str, value: str | None) -> None:
    if not _NAME.fullmatch(name):
        raise Wrong("WRONG_VALUE", f"{show(name)} can't be the name of a header", accepted="letters, digits and -")
    if value is not None and any(each in value for each in "\r\n\0"):
        raise Wrong("WRONG_VALUE", f"header {name} has a line break or NUL in its value: {show(value)}")
