"""Paths as a service sees them, with the calls that they stand in."""

import sys

import pytest

from faultbox.model.observation import Watch

pytestmark = pytest.mark.root

WATCH = Watch(calls=frozenset(("openat", "unlink", "unlinkat", "rename", "mkdir", "write", "chdir", "newfstatat")))


@pytest.fixture
def paths_of(world_of, tmp_path):
    """(call, path, to) of what a script does in a directory of its own, below it."""

    def run(*lines, inside=(), cwd=tmp_path):
        world = world_of({"svc": WATCH})
        marks = "os.stat('/nosuch-begin')", "os.stat('/nosuch-end')"
        begin, end = (f"try: {mark}\nexcept OSError: pass" for mark in marks)
        script = "\n".join(("import os", begin, *lines, end))
        status = world.run("svc", *inside, sys.executable, "-I", "-c", script, cwd=cwd)
        assert status == 0
        told = [event.fields for event in world.of("syscall")]
        names = [fields.get("path", "") for fields in told]
        between = told[names.index("/nosuch-begin") + 1 : names.index("/nosuch-end")]
        return [(fields["syscall"], fields.get("path"), fields.get("to")) for fields in between]

    return run


def test_what_was_opened_is_where_symbolic_links_led(paths_of, tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there")
    (tmp_path / "there" / "file").write_text("")
    assert paths_of("os.open('link/../there/./file', os.O_RDONLY)", "os.open('link/file', os.O_RDONLY)") == [
        ("openat", f"{tmp_path}/there/file", None),
        ("openat", f"{tmp_path}/there/file", None),
    ]


def test_what_can_not_be_opened_is_what_was_named(paths_of, tmp_path):
    (tmp_path / "there").mkdir()
    assert paths_of(
        "directory = os.open('there', os.O_RDONLY)",
        "def fails(path, **how):",
        "    try: os.open(path, os.O_RDONLY, **how)",
        "    except OSError: pass",
        "fails('no/such')",
        "fails('./no//such')",
        "fails('nosuch', dir_fd=directory)",
        "fails('../nosuch', dir_fd=directory)",
        "fails('/no/such', dir_fd=directory)",
        "os.chdir('there')",
        "fails('nosuch')",
        "try: os.chdir('nosuch')",
        "except OSError: pass",
    ) == [
        ("openat", f"{tmp_path}/there", None),
        ("openat", f"{tmp_path}/no/such", None),
        ("openat", f"{tmp_path}/no/such", None),
        ("openat", f"{tmp_path}/there/nosuch", None),
        ("openat", f"{tmp_path}/there/../nosuch", None),
        ("openat", "/no/such", None),
        ("chdir", f"{tmp_path}/there", None),
        ("openat", f"{tmp_path}/there/nosuch", None),
        ("chdir", f"{tmp_path}/there/nosuch", None),
    ]


def test_two_paths(paths_of, tmp_path):
    assert paths_of(
        "os.open('a', os.O_WRONLY | os.O_CREAT)",
        "os.rename('a', '../' + os.path.basename(os.getcwd()) + '/b')",
        "os.unlink('b')",
        "os.mkdir('d')",
    ) == [
        ("openat", f"{tmp_path}/a", None),
        ("rename", f"{tmp_path}/a", f"{tmp_path}/../{tmp_path.name}/b"),
        ("unlink", f"{tmp_path}/b", None),
        ("mkdir", f"{tmp_path}/d", None),
    ]


def test_a_file_goes_by_its_name_at_the_call(paths_of, tmp_path):
    assert paths_of(
        "file = os.open('a', os.O_WRONLY | os.O_CREAT)",
        "os.rename('a', 'b')",
        "os.write(os.dup(file), b'x')",
        "os.unlink('b')",
        "os.write(file, b'x')",
        "os.write(os.open('.', os.O_TMPFILE | os.O_WRONLY), b'x')",
    ) == [
        ("openat", f"{tmp_path}/a", None),
        ("rename", f"{tmp_path}/a", f"{tmp_path}/b"),
        ("write", f"{tmp_path}/b", None),
        ("unlink", f"{tmp_path}/b", None),
        ("write", None, None),
        ("openat", None, None),
        ("write", None, None),
    ]


def test_long_paths(paths_of, tmp_path):
    name = "n" * 250
    deep = "/".join([name] * 12)
    told = paths_of(
        f"name = {name!r}",
        "for _ in range(20):",
        "    os.mkdir(name)",
        "    os.chdir(name)",
        "os.open('file', os.O_WRONLY | os.O_CREAT)",
    )
    whole = [path for call, path, _ in told if call == "mkdir" and not path.startswith("…")]
    assert f"{tmp_path}/{deep}" in whole
    call, path, _ = told[-1]
    assert call == "openat"
    assert path.startswith("…")
    assert path.endswith(f"/{name}/{name}/file")
    assert 3800 < len(path) < 4097


def test_deep_paths(paths_of, tmp_path):
    told = paths_of("for _ in range(80):", "    os.mkdir('d')", "    os.chdir('d')", "os.open('file', os.O_CREAT)")
    path = told[-1][1]
    assert path.startswith("…/d/d/")
    assert path.endswith("/d/d/file")


@pytest.fixture
def overlay(tmp_path):
    """A root of its own on an overlay, with a mount below, and what enters it: as a world has it."""
    for name in ("upper", "work", "root"):
        (tmp_path / name).mkdir()
    (tmp_path / "upper" / "own").mkdir()
    script = (
        f"cd {tmp_path} && mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work root && "
        "mount -t tmpfs faultbox root/own && mount -t proc proc root/proc && cd root && "
        'pivot_root . . && umount -l . && cd / && exec "$@"'
    )
    return ("unshare", "-m", "sh", "-c", script, "sh")


def test_in_a_root_of_its_own(paths_of, overlay):
    assert paths_of(
        "os.open('/own/file', os.O_CREAT)",
        "os.open('/etc/hostname', os.O_RDWR)",
        "os.open('/proc/sys/kernel/ostype', os.O_RDONLY)",
        "os.chdir('/own')",
        "os.unlink('file')",
        inside=overlay,
    ) == [
        ("openat", "/own/file", None),
        ("openat", "/etc/hostname", None),
        ("openat", "/proc/sys/kernel/ostype", None),
        ("chdir", "/own", None),
        ("unlink", "/own/file", None),
    ]
