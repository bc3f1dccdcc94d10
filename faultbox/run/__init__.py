"""The life of a run and of a case.

The door: `start(request)` begins a run and gives what it tells, update by update.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from faultbox.run.early import Runner
    from faultbox.run.front import Run
    from faultbox.run.request import Request

__all__ = ["start"]


def start(request: Request, runner: Runner | None = None) -> Run:
    """Begin a run: warden and runner are started. Iterate over the result, inside `with`.

    `runner`: one that was started before the request was known.
    """
    from faultbox.run.front import Run

    return Run(request, runner)
