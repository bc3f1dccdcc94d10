"""Globs over file paths.

`*` and `?` stay within one path segment, `**` crosses them, `[abc]`, `[a-z]` and `[!a]` are one
character. A last segment that is just `*` means everything below, however deep: `/data/*` meets
`/data/a` and `/data/a/b`, but not `/data`; `/data/**` meets `/data` too. A glob that begins with
`*` may begin in any directory: `*.wal` meets `/data/x.wal`.
"""

from __future__ import annotations

import re
from functools import lru_cache

_SPECIAL = re.compile(r"[*?\[]")


class BadGlob(ValueError):
    """The glob can never meet a path."""

    def __init__(self, glob: str, reason: str) -> None:
        super().__init__(f"path {glob!r} {reason}")


@lru_cache(maxsize=4096)
def literal_part(glob: str) -> str:
    """The directory (or, without any wildcard, the whole path) that a glob names letter by letter.

    It has no trailing slash: "" stands for the root and for a glob that begins with `*`.
    """
    special = _SPECIAL.search(glob)
    if special is None:
        return glob.rstrip("/")
    return glob[: special.start()].rpartition("/")[0]


def meets(path: str, glob: str, *, located: str | None = None) -> bool:
    """Whether an absolute path meets a glob. Raises BadGlob.

    `located` stands in for the glob's literal part, where symlinks make it another directory.
    """
    return _compiled(glob, located).fullmatch(path) is not None


@lru_cache(maxsize=4096)
def _compiled(glob: str, located: str | None) -> re.Pattern[str]:
    if not glob.startswith(("/", "*")):
        raise BadGlob(glob, "must begin with / or *: paths are compared as the kernel resolved them")
    glob = glob.rstrip("/") or "/"
    literal = literal_part(glob)
    if glob.startswith("*"):
        expression = "/(?:.*/)?" + _translate(glob.removeprefix("**/"))
    else:
        start = literal if located is None else located
        expression = re.escape(start) + _translate(glob[len(literal) :])
    try:
        return re.compile(expression, re.DOTALL)
    except re.error as error:
        raise BadGlob(glob, f"has a set of characters that makes no sense: {error}") from error


def _translate(glob: str) -> str:
    """The regular expression of what follows the literal part."""
    if glob.endswith("/**"):
        return _pieces(glob[:-3]) + "(?:/.*)?"
    if glob.endswith("/*"):
        return _pieces(glob[:-1]) + ".+"
    return _pieces(glob)


_TOKEN = re.compile(r"/\*\*/|\*\*|\*|\?|\[!?\]?[^]]*\]|.", re.DOTALL)
_DASHES = re.compile(r"-{2,}")
_OPERATOR = re.compile(r"[\^&~|]")
"""What a set of Python's may come to mean something by (re: `--`, `&&`, `~~`, `||`)."""
_FIXED = {"/**/": "/(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def _pieces(glob: str) -> str:
    return "".join(_piece(token) for token in _TOKEN.findall(glob))


def _piece(token: str) -> str:
    if token in _FIXED:
        return _FIXED[token]
    if len(token) > 2 and token.startswith("["):
        inverted = token[1] == "!"
        inside = token[2 if inverted else 1 : -1].replace("\\", r"\\").replace("[", r"\[")
        inside = _OPERATOR.sub(r"\\\g<0>", _DASHES.sub(r"\-", inside.replace("]", r"\]")))
        if not inside:
            return re.escape(token)
        return f"(?![/])[{'^' if inverted else ''}{inside}]"
    return re.escape(token)
