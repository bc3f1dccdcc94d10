"""What a newcomer meets first: the Makefile and the scripts behind it."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
NEED = REPOSITORY / ".ci" / "need"
PRESENT = ["sh=dash", "/bin/sh=dash", "module:os=python3", "libc.so.6=libc6"]


def need(*pairs: str, path: str) -> subprocess.CompletedProcess[str]:
    command = ["/bin/sh", str(NEED), *pairs]
    return subprocess.run(command, env={"PATH": path}, capture_output=True, text=True, check=False)


def test_what_is_there_is_not_installed() -> None:
    done = need(*PRESENT, path="/usr/sbin:/usr/bin:/sbin:/bin")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    "missing",
    [
        "no-such-command=a-package",
        "/no/such/file=a-package",
        "module:no_such_module=a-package",
        "nosuch.so.9=a-package",
    ],
)
def test_what_is_missing_is_named_where_it_cannot_be_installed(missing: str, tmp_path: Path) -> None:
    """Here because there is no apt-get on PATH; the same for those who are not root."""
    for name in ("id", "grep", "python3"):
        (tmp_path / name).symlink_to(f"/usr/bin/{name}")
    (tmp_path / "ldconfig").symlink_to("/sbin/ldconfig")
    done = need("id=coreutils", missing, path=str(tmp_path))
    assert done.returncode == 1
    assert "missing here: a-package\n" in done.stderr


def test_help_names_every_target() -> None:
    phony = re.search(r"^\.PHONY: (.+)$", (REPOSITORY / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    done = subprocess.run(["make", "help"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert set(re.findall(r"^  make ([\w-]+)", done.stdout, re.MULTILINE)) == set(phony[1].split())


def test_make_installs_what_tests_are_skipped_without() -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    project = (REPOSITORY / "pyproject.toml").read_text()
    paths = (path for name in ("test_*.py", "conftest.py") for path in (REPOSITORY / "tests").rglob(name))
    sources = [path.read_text() for path in paths]
    programs = {name for text in sources for name in re.findall(r'shutil\.which\("([\w-]+)"', text)}
    assert {"node", "redis-server", "tmux"} <= programs
    assert [name for name in programs if f" {name}=" not in makefile and f'"{name}-bin>=' not in project] == []
