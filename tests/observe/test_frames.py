"""Programs for kernels older than 6.13, which gives each of them a stack of its own: calls share one of 512 bytes."""

import struct
from pathlib import Path

import pytest

from faultbox.linux.bpf import OBJECTS

STACK = 512
SECTIONS, SYMBOL, RELOCATION = struct.Struct("<IIQQQQIIQQ"), struct.Struct("<IBBHQQ"), struct.Struct("<QQ")
INSTRUCTION = struct.Struct("<BBhi")
SYMTAB, REL, FUNCTION, FRAME = 2, 9, 2, 10
LOAD_64, CALL, COPY, ADD, LOADS, STORES = 0x18, 0x85, 0xBF, 0x07, (1,), (2, 3)


class Object:
    """The functions of an object file: how deep each one's frame is, and whom it calls."""

    def __init__(self, path: Path) -> None:
        self.data = path.read_bytes()
        at, size, count = *struct.unpack_from("<Q", self.data, 40), *struct.unpack_from("<HH", self.data, 58)
        self.sections = [SECTIONS.unpack_from(self.data, at + n * size) for n in range(count)]
        table = next(each for each in self.sections if each[1] == SYMTAB)
        self.names = self.sections[table[6]][4]
        self.symbols = list(SYMBOL.iter_unpack(self.data[table[4] : table[4] + table[5]]))
        self.functions = {
            (section, value): (self.name(name), size)
            for name, info, _, section, value, size in self.symbols
            if info & 15 == FUNCTION
        }
        self.relocations = dict(self._relocations())
        self.frames: dict[str, int] = {}
        self.calls: dict[str, set[str]] = {}
        for section, start in self.functions:
            self._read(section, start)

    def name(self, at: int) -> str:
        start = self.names + at
        return self.data[start : self.data.index(b"\0", start)].decode()

    def _relocations(self):
        for _, kind, _, _, at, size, _, section, _, _ in self.sections:
            if kind == REL:
                for place, info in RELOCATION.iter_unpack(self.data[at : at + size]):
                    yield (section, place), self.symbols[info >> 32]

    def _read(self, section: int, start: int) -> None:
        name, size = self.functions[section, start]
        depth, is_frame, called = 1, [False] * 16, set()
        place = start
        while place < start + size:
            code, registers, offset, number = INSTRUCTION.unpack_from(self.data, self.sections[section][4] + place)
            to, of = registers & 15, registers >> 4
            if (code & 7 in LOADS and of == FRAME) or (code & 7 in STORES and to == FRAME):
                depth = max(depth, -offset)
            elif code == ADD and is_frame[to]:
                depth = max(depth, -number)
            elif code == CALL and of == 1:
                called.add(self._called(section, place, number))
            is_frame[to] = code == COPY and of == FRAME
            place += 16 if code == LOAD_64 else 8
        self.frames[name], self.calls[name] = (depth + 31) // 32 * 32, called

    def _called(self, section: int, place: int, number: int) -> str:
        symbol = self.relocations.get((section, place))
        if symbol is None:
            return self.functions[section, place + 8 + number * 8][0]
        start = symbol[4] if symbol[1] & 15 == FUNCTION else (number + 1) * 8
        return self.functions[symbol[3], start][0]

    def deepest(self, name: str) -> tuple[int, list[str]]:
        """The most that a call of a function takes, and by whom."""
        below = max((self.deepest(each) for each in self.calls[name]), default=(0, []))
        return self.frames[name] + below[0], [name, *below[1]]


@pytest.mark.parametrize("path", sorted(OBJECTS.glob("*.bpf.o")), ids=lambda path: path.name)
def test_frames_fit_one_stack(path):
    programs = Object(path)
    assert programs.frames
    worst = max(programs.deepest(name) for name in programs.frames)
    assert worst[0] <= STACK, f"{worst[0]} bytes: {' > '.join(worst[1])}"
