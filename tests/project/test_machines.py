"""The virtual machines of vagrant/: what they run in this clone is there to be run."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
VAGRANTFILE = (ROOT / "vagrant" / "Vagrantfile").read_text()
LIMA = yaml.safe_load((ROOT / "vagrant" / "lima.yaml").read_text())


def targets() -> set[str]:
    return set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def test_vagrant_makes_what_the_makefile_has() -> None:
    (made,) = re.findall(r"make -C (\S+) (.+)", VAGRANTFILE)
    assert made[0] in VAGRANTFILE.partition('type: "rsync"')[0]
    assert set(made[1].split()) <= targets()


def test_vagrant_does_not_take_what_was_made_for_the_host() -> None:
    (left,) = re.findall(r"rsync__exclude: \[(.*)\]", VAGRANTFILE)
    assert {".venv/", "build/"} <= set(re.findall(r'"([^"]+)"', left))


def test_lima_is_the_machine_that_make_asks_for() -> None:
    template = re.search(r"template://\S+", (ROOT / "Makefile").read_text())
    assert template is not None
    assert LIMA["base"] == template[0].rstrip("'")
    assert any(mount["writable"] for mount in LIMA["mounts"])
    assert "install --yes --quiet make" in LIMA["provision"][0]["script"]


def test_the_docs_name_both() -> None:
    text = (ROOT / "docs" / "how-to" / "macos.md").read_text()
    assert "vagrant/lima.yaml" in text
    assert "vagrant up" in text
