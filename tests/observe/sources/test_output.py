from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from faultbox.observe import OutputSource, decoder


class Pipe:
    """A service's output pipe and a drainer, as the world has them."""

    def __init__(self) -> None:
        self.fd, self.writer = os.pipe()
        os.set_blocking(self.fd, False)
        self._partial = b""

    def drain(self) -> list[tuple[bytes, str]]:
        while True:
            try:
                data = os.read(self.fd, 65536)
            except BlockingIOError:
                break
            if not data:
                os.close(self.fd)
                self.fd = -1
                break
            self._partial += data
        *lines, self._partial = self._partial.split(b"\n")
        return [(line, f"pipe 7 1 {len(line) + 1}") for line in lines]

    def end(self) -> None:
        os.close(self.writer)
        self.writer = -1

    def close(self) -> None:
        for fd in (self.fd, self.writer):
            if fd >= 0:
                os.close(fd)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()


def source(pipe: Pipe, **options: object) -> OutputSource:
    return OutputSource("db", "stdout", pipe.drain, lambda: pipe.fd, clock=lambda: 70, **options)


def test_lines_become_events_as_they_are_read(pipe: Pipe) -> None:
    output = source(pipe)
    os.write(pipe.writer, b"one\r\ntwo\nthr")
    first, second = output.drain()
    assert (first.type, first.service, first.time_ns, first.fields) == ("stdout", "db", 70, {"raw": "one"})
    assert first.origin == "pipe 7 1 5"
    assert second.fields == {"raw": "two"}
    os.write(pipe.writer, b"ee\n")
    assert [event.fields["raw"] for event in output.drain()] == ["three"]


def test_asking_reads_what_was_written_before_and_promises(pipe: Pipe) -> None:
    output = source(pipe)
    os.write(pipe.writer, b"before\n")
    output.ask(50)
    os.write(pipe.writer, b"after\n")
    before, after = output.drain()
    assert output.promised == 50
    assert (before.fields["raw"], before.time_ns) == ("before", 70)
    assert (after.fields["raw"], after.time_ns) == ("after", 70)


def test_a_line_has_the_time_when_it_was_written(pipe: Pipe) -> None:
    """Known of the second: so the first was there before it. The last one's write is not over, by a clock that is
    behind."""
    times = {"pipe 7 1 4": 0, "pipe 7 1 5": 40, "pipe 7 1 6": 0, "pipe 7 1 7": 90}
    output = source(pipe, written=lambda origins: [times[each] for each in origins])
    os.write(pipe.writer, b"one\nfour\nthree\nsecond\n")
    assert [event.time_ns for event in output.drain()] == [40, 40, 70, 70]


def test_at_the_end_all_is_promised(pipe: Pipe) -> None:
    output = source(pipe)
    os.write(pipe.writer, b"last words\n")
    pipe.end()
    assert [event.fields["raw"] for event in output.drain()] == ["last words"]
    assert output.fileno() == -1
    assert output.promised > 1 << 62
    output.ask(99)
    assert output.drain() == []


def test_decoded_and_not_utf8(pipe: Pipe) -> None:
    output = source(pipe, decode=decoder("json"))
    os.write(pipe.writer, b'{"stock": 3}\n\xff\n')
    decoded, undecoded = output.drain()
    assert (decoded.fields, decoded.data) == ({"stock": "3"}, {"stock": 3})
    assert undecoded.fields == {"raw": "\ufffd"}


def test_the_name_says_whose_output_it_is(pipe: Pipe) -> None:
    assert source(pipe).name == "stdout of db"
