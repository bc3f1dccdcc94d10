"""Files that people name appear when they are complete, and only where there can be a file."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from faultbox.evidence.whole import whole


def test_a_file_is_there_when_it_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "a.xml"
    target.write_text("old")
    with whole(target) as stream:
        stream.write(b"new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"


def test_what_fails_leaves_the_former_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "a.xml"
    target.write_text("old")

    def fail() -> None:
        with whole(target) as stream:
            stream.write(b"ne")
            raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        fail()
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [("a.xml", "old")]


def test_a_link_goes_on_leading_there(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "latest.xml"
    link.symlink_to("real/1.xml")
    for content in (b"first", b"second"):
        with whole(link) as stream:
            stream.write(content)
        assert (tmp_path / "real" / "1.xml").read_bytes() == content
    assert link.is_symlink()


def test_a_pipe_is_written_to_and_stays_one(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    with whole(pipe) as stream:
        stream.write(b"<testsuites/>")
    reader.join()
    assert read == [b"<testsuites/>"]
    assert pipe.is_fifo()
