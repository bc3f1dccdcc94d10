"""What README and docs/ show is what happens: files are written, commands run, and shown output is looked for.

A fenced block says what it is by the words after its language:

- `file=NAME`: the block is the content of that file (a later block of that name replaces it).
- `console`: lines that begin with `$ ` are run, in order; `exit=N` is the exit code of the last (else 0). Each other
  line must be among what the commands print, in any order; times and widths may differ, `...` stands for anything.
- `shell`: commands for a newcomer's terminal; only `make` targets and git, which are looked up, not run.

- `part=PATH`: the block shows lines of a file of this repository.

`examples/` is there from the start, and in all documents but the tutorial so are the files that it ends with.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
TUTORIAL = REPOSITORY / "docs" / "tutorial.md"
DOCUMENTS = [
    REPOSITORY / "README.md",
    *(
        REPOSITORY / "docs" / name
        for name in ("tutorial.md", "bundles.md", "reports.md", "ci-on-linux.md", "troubleshooting.md")
    ),
    *sorted((REPOSITORY / "docs" / "how-to").glob("*.md")),
]
"""What users follow step by step; references have tests of their own."""

_FENCE = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_WORDS = {"file", "exit", "part"}
_LANGUAGES = {"python", "console", "shell", "yaml", "text", "json", ""}


@dataclass(frozen=True)
class Block:
    """One fenced block. `words` are the `key=value` after its language."""

    language: str
    words: dict[str, str]
    text: str

    @property
    def commands(self) -> list[str]:
        return [line[2:] for line in self.text.splitlines() if line.startswith("$ ")]

    @property
    def output(self) -> list[str]:
        return [line for line in self.text.splitlines() if not line.startswith("$ ")]


def blocks(document: Path) -> Iterator[Block]:
    for language, words, text in _FENCE.findall(document.read_text()):
        yield Block(language, dict(word.partition("=")[::2] for word in words.split()), text)


def write_files(document: Path, directory: Path) -> None:
    for block in blocks(document):
        if "file" in block.words:
            write(block, directory)


def write(block: Block, directory: Path) -> None:
    path = directory / block.words["file"]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.text)
    path.chmod(0o755 if block.text.startswith("#!") else 0o644)


def run(block: Block, directory: Path) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "NO_COLOR": "1"}
    environment.pop("COLUMNS", None)
    printed = ""
    code = 0
    for command in block.commands:
        assert code == 0, f"only the last command may fail, but not the one before {command}"
        done = subprocess.run(
            command,
            shell=True,
            cwd=directory,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        code, printed = done.returncode, printed + done.stdout
    assert code == int(block.words.get("exit", "0")), printed
    said = {plain(line) for line in printed.splitlines()}
    missing = [line for line in block.output if line.strip() not in ("", "...") and plain(line) not in said]
    assert not missing, f"shown, but not printed: {missing}\n{printed}"


def plain(line: str) -> str:
    """A line without what differs from run to run: times, positions, widths, bundles' names, how much was only seen."""
    line = re.sub(r"run-\d{4}-[-\dT]+(?=\.fb)", "run-NOW", line)
    line = re.sub(r"\d+(\.\d+)?ms|duration_ms=[\d.]+", "Nms", line)
    line = re.sub(r"#\d+ \+Nms", "#N", line)
    line = re.sub(r"\bseen \d\d+", "seen MANY", line)
    line = re.sub(r"─+", "─", line)
    return re.sub(r"\s+", " ", line).strip()


@pytest.mark.root
@pytest.mark.slow
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_document(document: Path, tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(REPOSITORY / "examples")
    if document != TUTORIAL:
        write_files(TUTORIAL, tmp_path)
    for block in blocks(document):
        if "file" in block.words:
            write(block, tmp_path)
        if block.language == "console":
            run(block, tmp_path)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_blocks_say_what_they_are(document: Path) -> None:
    for block in blocks(document):
        assert block.language in _LANGUAGES, block
        assert block.words.keys() <= _WORDS, block
        # A spec or program that no command can reach would never be run.
        assert block.language != "python" or block.words.keys() & {"file", "part"}, block
        if block.language == "shell":
            for line in block.text.splitlines():
                known_to_newcomers(line)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_parts_are_parts_of_files(document: Path) -> None:
    """A block with `part=NAME` shows lines of a file of the repository, as they stand there."""
    for block in blocks(document):
        if "part" in block.words:
            assert block.text in (REPOSITORY / block.words["part"]).read_text(), block.text


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", document.read_text()):
        assert target.startswith("https://") or (document.parent / target).exists(), target


def known_to_newcomers(line: str) -> None:
    """Raises unless the line is a git clone, a cd or a target of our Makefile."""
    if line.startswith(("git clone ", "cd ", "#")):
        return
    command = line.partition("#")[0].split()
    assert command[:1] == ["make"], line
    subprocess.run([*command, "-n"], cwd=REPOSITORY, capture_output=True, check=True)
