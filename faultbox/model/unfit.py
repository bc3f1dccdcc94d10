"""What can't be done on a host."""

from __future__ import annotations

from typing import ClassVar


class Unfit(Exception):
    """Something can't be done on this host or by this user, and was not begun. `advice` says what to do about it."""

    about: ClassVar[str] = ""
    """What the text begins with."""

    def __init__(self, reason: str, advice: str) -> None:
        self.reason = reason
        self.advice = advice
        super().__init__(f"{self.about}{reason}: {advice}")
