"""A file of a spec: its text as written, and the text that is compiled in its place."""

from __future__ import annotations

from dataclasses import field

from faultbox.model.frozen import frozen
from faultbox.model.source import Position


@frozen(eq=False)
class Source:
    """`text` is what the user wrote, `normalised` what is compiled; both have the same lines.

    `insertions` holds for each line what was inserted, as (byte offset in the normalised line,
    length), in order. Everything inserted is ASCII.
    """

    file: str
    text: str
    normalised: str
    insertions: dict[int, tuple[tuple[int, int], ...]] = field(default_factory=dict)

    def line(self, number: int) -> str:
        """A line as the user wrote it, without its end; "" beyond the last."""
        lines = self._lines
        return lines[number - 1] if 0 < number <= len(lines) else ""

    @property
    def _lines(self) -> list[str]:
        found: list[str] | None = self.__dict__.get("_split")
        if found is None:
            found = self.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
            self.__dict__["_split"] = found
        return found

    def position(self, line: int, offset: int) -> Position:
        """The place of a byte offset (from 0) of a normalised line, as ast counts."""
        return Position(self.file, line, self.column(line, offset))

    def column(self, line: int, offset: int) -> int:
        """The column (characters, from 1) in the user's line of a byte offset in the normalised one."""
        shift = 0
        for start, length in self.insertions.get(line, ()):
            if offset >= start + length:
                shift += length
            elif offset > start:
                shift += offset - start
        written = self.line(line).encode("utf-8", "surrogateescape")
        return len(written[: offset - shift].decode("utf-8", "replace")) + 1

    def position_of_character(self, line: int, column: int) -> Position:
        """The place of a column (characters, from 1) of a normalised line, as starlark-go counts."""
        normalised = self._normalised_line(line)
        offset = len(normalised[: column - 1].encode("utf-8", "surrogateescape"))
        return self.position(line, offset)

    def inserted(self, line: int, offset: int) -> bool:
        """Whether the normaliser put something at this byte offset of a normalised line."""
        return any(start == offset for start, _ in self.insertions.get(line, ()))

    def _normalised_line(self, number: int) -> str:
        if number not in self.insertions:
            return self.line(number)
        lines = self.normalised.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        return lines[number - 1]
