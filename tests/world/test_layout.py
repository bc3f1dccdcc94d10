"""Frozen layers: what one world wrote, later ones begin with."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

import faultbox
from faultbox.linux import mounts, namespaces
from faultbox.world import Layout, NoLayers, discard, mount_frozen, prepare
from faultbox.world.layout import rmtree

pytestmark = pytest.mark.root

SEED = """
mkdir -p /var/lib/db /tmp/db; echo seeded > /var/lib/db/rows; echo tmp > /tmp/db/rows; rm /etc/issue
echo more >> /etc/group; mv /usr/share/misc /usr/share/renamed
"""
LOOK = """
cat /var/lib/db/rows /tmp/db/rows; ls /etc/issue; tail -1 /etc/group; ls -d /usr/share/misc /usr/share/renamed
echo mine >> /var/lib/db/rows; cat /etc/hosts | tail -1
"""


def seed_and_look(box):
    seeding = box.open("seed")
    box.output(seeding, SEED)
    frozen = mount_frozen(seeding.freeze())
    texts = []
    for name in ("one", "two"):
        layout = Layout(box.layout.run_dir, box.layout.layers_dir, seed=frozen)
        world = box.open(name, layout=layout, services=(name,))
        texts.append(box.output(world, LOOK))
        assert [each.path for each in world.changed()] == ["/var/lib/db/rows"]
        world.close()
    discard(frozen)
    assert os.listdir(box.layout.layers_dir) == []
    return texts


def expected(name):
    return [
        *("seeded", "tmp", "more", "/usr/share/renamed", f"127.0.0.1 {name}"),
        "ls: cannot access '/etc/issue': No such file or directory",
        "ls: cannot access '/usr/share/misc': No such file or directory",
    ]


def test_layers_on_the_hosts_own_file_system(boxed):
    for text, name in zip(boxed(seed_and_look), ("one", "two"), strict=True):
        assert text.splitlines() == expected(name)


def test_layers_in_memory(forked, make_box, tmp_path):
    """As in a container: another file system than the one they lie over, so they stack without help."""

    def body():
        namespaces.unshare(namespaces.NEWNS)
        mounts.make_private()
        mounts.mount("layers", tmp_path, "tmpfs")
        box = make_box(tmp_path, None)
        try:
            return seed_and_look(box)
        finally:
            box.close()

    for text, name in zip(forked(body), ("one", "two"), strict=True):
        assert text.splitlines() == expected(name)


def test_on_an_overlay_the_layers_are_in_memory(forked, tmp_path):
    def body():
        for name in ("lower", "upper", "work", "root"):
            (tmp_path / name).mkdir()
        namespaces.unshare(namespaces.NEWNS)
        mounts.make_private()
        target = tmp_path / "root"
        mounts.overlay(str(target), [str(tmp_path / "lower")], str(tmp_path / "upper"), str(tmp_path / "work"))
        in_memory = prepare(target / "layers")
        return in_memory, {each.fstype for each in mounts.table() if each.point == str(target / "layers")}

    assert forked(body) == (True, {"tmpfs"})


def test_where_no_overlay_can_be_mounted_the_advice_says_what_to_do(forked, tmp_path, monkeypatch):
    def refuse(*_, **__):
        raise OSError(19, "No such device")

    def body():
        monkeypatch.setattr(mounts, "overlay", refuse)
        with pytest.raises(NoLayers, match=r"No such device .*modprobe overlay"):
            prepare(tmp_path / "layers")

    forked(body)


@pytest.fixture
def open_path():
    """A directory that any user reaches, as tmp_path is not."""
    path = Path(tempfile.mkdtemp(prefix="faultbox-", dir="/var/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def test_trees_of_overlays_are_removed(open_path):
    """As nobody would have to: a work directory has mode 000, a service may take away its own rights."""
    tmp_path = open_path
    top = tmp_path / "top"
    (top / "work" / "work" / "x").mkdir(parents=True)
    (top / "a" / "b").mkdir(parents=True)
    (top / "a" / "b" / "file").write_text("x")
    (top / "link").symlink_to(tmp_path / "kept")
    (tmp_path / "kept").mkdir()
    for path in (top / "a" / "b", top / "work" / "work" / "x", top / "work" / "work"):
        path.chmod(0)
    subprocess.run(["chown", "-R", "65534:65534", str(tmp_path)], check=True)
    pid = os.fork()
    if pid == 0:
        try:
            os.setresuid(65534, 65534, 65534)
            rmtree(top)
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    assert not top.exists()
    assert (tmp_path / "kept").exists()


INNER = """
import os, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from faultbox.world import Command, Layout, Settings, World, prepare
base = Path("/var/lib/faultbox-inner")
(base / "run").mkdir(parents=True)
layout = Layout(base / "run", base / "layers")
print("in memory", prepare(layout.layers_dir), flush=True)
world = World.open(Settings("inner", layout))
process = world.launch(Command("a", ("/bin/sh", "-c", "cat /var/outer; echo inner > /var/outer; cat /var/outer")))
while part := os.read(process.stdout, 1000):
    print(part.decode(), end="")
print([each.path for each in world.changed()])
world.close()
print(Path("/var/outer").read_text(), end="")
"""


def test_worlds_in_a_world_as_in_a_container(boxed):
    """There the root is an overlay: layers go to memory, and stack on it."""
    source = Path(faultbox.__file__).parent.parent

    def body(box):
        world = box.open(visible=(source,))
        box.output(world, "echo outer > /var/outer")
        command = (os.path.realpath(sys.executable), "-I", "-S", "-c", INNER, str(source))
        return box.read(box.launch(world, *command))

    assert boxed(body) == "in memory True\nouter\ninner\n['/var/outer']\nouter\n"
