"""What is raised where an argument can't be used."""

from __future__ import annotations


class Wrong(Exception):
    """A call can't mean anything. It becomes a Problem while a spec loads, a SpecError while it runs.

    The message goes without the builtin's name, which is put before it. `at` says which argument
    is to blame: its index or keyword; None is the one being unpacked, or the call as a whole. `naming`
    says that the keyword itself is wrong, not its value.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        accepted: str = "",
        nearest: str = "",
        at: int | str | None = None,
        naming: bool = False,
    ) -> None:
        self.code = code
        self.message = message
        self.accepted = accepted
        self.nearest = nearest
        self.at = at
        self.naming = naming
        super().__init__(message)
