"""A world's own view of the disk: built by its init, in a mount namespace that nobody else sees.

Every file system of the host appears at its place under an overlay, so that whatever a service
writes lands in a layer of this world. What the spec names as a volume is the only way out.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path

from faultbox.linux import mounts, namespaces
from faultbox.model.frozen import frozen
from faultbox.world.layout import Layer, Layout, overlay_options

FRESH = {"/tmp": 0o1777, "/run": 0o755}
"""Directories in which a world sees nothing of the host, and their modes; /dev/shm is another."""

_ETC = ("/etc/hosts", "/etc/resolv.conf", "/etc/hostname")
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_NOT_FILES = ("/proc", "/sys", "/dev")
_QUIET = mounts.NOSUID | mounts.NODEV | mounts.NOEXEC


@frozen
class Disk:
    """What a world's disk is to look like.

    `volumes`: path in the world to host path. `hosts`: names for /etc/hosts, with their addresses. `files`: what is
    in the world's own files at real paths, in place of what it would see of the host's there; not where nothing can be
    written, and under volumes.
    """

    world: str
    layout: Layout
    volumes: Mapping[str, str] = field(default_factory=dict)
    visible: tuple[Path, ...] = ()
    hosts: Mapping[str, str] = field(default_factory=dict)
    hostname: str = "faultbox"
    files: Mapping[str, bytes] = field(default_factory=dict)


@frozen
class Built:
    """What was built: the layers, and the paths that building itself made in them."""

    layers: tuple[Layer, ...]
    made: frozenset[str]


class DiskError(Exception):
    """The world's disk can't be built as asked. The text says which part and why."""


class _NoLowerLayer(Exception):
    """The file system of a place can't lie under an overlay: FAT, some FUSE, one that is an overlay of overlays."""


@frozen
class Place:
    """A path of the world and what of the host is seen there: under a layer, or read-only."""

    point: str
    lower: str
    writable: bool = True


def build(disk: Disk) -> Built:
    """Build the disk and make it this process's root. Runs in pid 1 of the world; raises DiskError or OSError."""
    mounts.make_private()
    names = _Names(disk)
    places = sorted(_places(disk, names), key=lambda place: place.point.count("/") if place.point != "/" else -1)
    names.points = [place.point for place in places]
    root = str(disk.layout.of(disk.world) / "root")
    os.mkdir(root)
    layers = [_layer(disk, names, places[0], root, before_pivot=True)]
    old = os.open("/", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    os.chdir(root)
    mounts.pivot_root(".", ".")
    os.fchdir(old)
    _kernel_file_systems(names)
    shown = [_show(disk, names, place) for place in places[1:]]
    layers.extend(layer for layer in shown if layer is not None)
    _cover(disk)
    _volumes(disk, names)
    namespaces.sethostname(disk.hostname)
    os.fchdir(old)
    mounts.umount(".", mounts.DETACH)
    os.chdir("/")
    os.close(old)
    return Built(tuple(layers), frozenset(names.made))


def places_of(table: Sequence[mounts.Mount], covered: Sequence[str]) -> list[Place]:
    """The host's file systems as a world shows them, the root first; not what the kernel keeps, nor fresh ones."""
    by_point = {each.point: each for each in table}
    found = []
    for point, each in sorted(by_point.items()):
        if each.fstype in mounts.PSEUDO or point in _ETC:
            continue
        if any(_under(point, top) for top in (*_NOT_FILES, *FRESH, *covered)):
            continue
        found.append(Place(point, point, writable=point == "/" or not each.read_only))
    return found


def _places(disk: Disk, names: _Names) -> Iterator[Place]:
    table = mounts.table()
    covered = [os.path.realpath(each) for each in disk.layout.covered]
    for place in places_of(table, covered):
        if place.writable and not names.all_users:
            yield from _around_locked(place, {each.point for each in table}, names)
        else:
            yield place
    yield from _islands(disk.visible)


def _islands(visible: Sequence[Path]) -> Iterator[Place]:
    """What the spec names inside the fresh directories: shown there all the same, each over a layer of its own."""
    wanted: set[str] = set()
    for path in {os.path.realpath(each) for each in visible}:
        if not any(_under(path, top) for top in (*FRESH, "/dev/shm")) or not os.path.exists(path):
            continue
        parent = os.path.dirname(path)
        wanted.add(path if os.path.isdir(path) or parent in FRESH else parent)
    for path in sorted(wanted):
        if not any(path != other and _under(path, other) for other in wanted):
            yield Place(path, path, writable=os.path.isdir(path))


def _around_locked(place: Place, points: set[str], names: _Names) -> Iterator[Place]:
    """A directory with mounts below it can't be an overlay's lower layer in a user namespace.

    The kernel refuses to look below mounts that were made outside (EINVAL since 5.14), so such a directory
    is replaced by one of the same entries, each shown by itself.
    """
    inside = {point for point in points if point != place.point and _under(point, place.point)}
    if not inside:
        yield place
        return
    skeleton = names.directory("lower", stat.S_IMODE(os.stat(place.lower).st_mode))
    yield Place(place.point, skeleton)
    entries: list[os.DirEntry[str]] = []
    with contextlib.suppress(PermissionError):
        entries = sorted(os.scandir(place.lower), key=lambda entry: entry.name)
    for entry in entries:
        copy, path = os.path.join(skeleton, entry.name), os.path.join(place.point, entry.name)
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), copy)
            continue
        if entry.is_dir():
            os.mkdir(copy)
        else:
            Path(copy).touch()
        if path in points or path in FRESH or path in _NOT_FILES:
            continue
        if entry.is_dir():
            yield from _around_locked(Place(path, path), inside, names)
        else:
            yield Place(path, path, writable=False)


class _Names:
    """Directories among this world's layers, and the paths that were made while building."""

    def __init__(self, disk: Disk) -> None:
        self.all_users = namespaces.is_initial_user_namespace()
        self.options = overlay_options()
        self.made: set[str] = set()
        self.points: list[str] = []
        self._top = str(disk.layout.of(disk.world))
        self._count = 0

    def directory(self, name: str, mode: int, *, here: str = "") -> str:
        """A new directory of the layers, as an absolute path of the host; `here` is where we see the host's root."""
        self._count += 1
        path = f"{self._top}/{name}-{self._count}"
        os.mkdir(here + path)
        os.chmod(here + path, mode)
        return path

    def inside(self, upper: str, point: str, path: str) -> Path | None:
        """Where a path of the world lies in the upper directory at `point`; None where another layer holds it."""
        holder = max((each for each in self.points if _under(path, each)), key=len)
        return Path(upper, os.path.relpath(path, point)) if holder == point else None

    def ensure(self, path: str, *, directory: bool) -> None:
        """Make a path of the world that something will be mounted on, and remember what was made."""
        path = os.path.realpath(path)
        missing = []
        above = path if directory else os.path.dirname(path)
        while not os.path.isdir(above):
            missing.append(above)
            above = os.path.dirname(above)
        for each in reversed(missing):
            os.mkdir(each)
            self.made.add(each)
        if not directory and not os.path.lexists(path):
            Path(path).touch()
            self.made.add(path)


def _show(disk: Disk, names: _Names, place: Place) -> Layer | None:
    """Mount a place of the old root (our directory) in the new one; its layer, where it has one."""
    source = "." + place.lower
    if not os.path.lexists(source):  # under another mount, or a FUSE mount of another user: closed on the host too
        return None
    names.ensure(place.point, directory=os.path.isdir(source))
    if not place.writable or not os.path.isdir(source):
        mounts.bind(source, place.point, read_only=True)
        return None
    try:
        return _layer(disk, names, place, place.point)
    except _NoLowerLayer:
        mounts.bind(source, place.point, read_only=True)
        return None


def _layer(disk: Disk, names: _Names, place: Place, target: str, *, before_pivot: bool = False) -> Layer:
    """Mount an overlay over a place. Paths of the host are reached through our working directory after the pivot."""
    here = "" if before_pivot else "."
    shape = os.stat(here + place.lower)
    upper = names.directory("upper", stat.S_IMODE(shape.st_mode), here=here)
    work = names.directory("work", 0o700, here=here)
    if names.all_users:  # in a user namespace the owner has no name, and we can be no one else
        os.chown(here + upper, shape.st_uid, shape.st_gid)
    seed = disk.layout.seed
    lowers = seed.below(place.point, place.lower) if seed else [place.lower]
    _prepare_fresh(names, here + upper, place.point, seeded=len(lowers) > 1 or lowers[0] != place.lower)
    _prepare_etc(disk, names, here + upper, place.point)
    _prepare_files(disk, names, here, upper, place.point)
    try:
        mounts.overlay(target, [here + each for each in lowers], here + upper, here + work, names.options)
    except OSError as error:
        if before_pivot or error.errno != errno.EINVAL:
            raise
        raise _NoLowerLayer from error
    return Layer(place.point, tuple(lowers), upper)


def _prepare_fresh(names: _Names, upper: str, point: str, *, seeded: bool) -> None:
    """Make the fresh directories in the layer that holds them, hiding what the host has there.

    An opaque directory hides all below it (overlayfs.rst); a seed has hidden the host's already and is to
    be seen. Without the host's users /tmp and /run are empty below anyway, and /var/tmp, whose owner
    has no name there, would not be writable: the kernel can't copy it up (EOVERFLOW).
    """
    wanted = FRESH if names.all_users else {**FRESH, "/var/tmp": 0o1777}
    for path, mode in wanted.items():
        directory = names.inside(upper, point, path)
        if directory is None:
            continue
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(mode)
        if names.all_users and not seeded:
            os.setxattr(directory, "trusted.overlay.opaque", b"y")


def _prepare_etc(disk: Disk, names: _Names, upper: str, point: str) -> None:
    """Put what names resolve to into the layer that holds /etc, before it is mounted."""
    etc = names.inside(upper, point, "/etc")
    if etc is None:
        return
    etc.mkdir(exist_ok=True)
    names.made.update(_ETC)
    lines = [
        f"127.0.0.1 localhost {disk.hostname}",
        "::1 ip6-localhost",
        *(f"{address} {name}" for name, address in disk.hosts.items()),
    ]
    texts = ("\n".join(lines), "# no name server: nothing outside this world can be reached", disk.hostname)
    for path, text in zip(_ETC, texts, strict=True):
        (etc / os.path.basename(path)).write_text(text + "\n", encoding="utf-8")


def _prepare_files(disk: Disk, names: _Names, here: str, upper: str, point: str) -> None:
    """Put the world's own files into the layer that holds them, in directories like those below."""
    for path, content in disk.files.items():
        target = names.inside(here + upper, point, path)
        if target is None or (os.path.exists(here + path) and _hidden(path, point)):
            continue
        for above in reversed(target.relative_to(here + upper).parents[:-1]):
            _like(here + os.path.join(point, above), Path(here + upper, above), names)
        names.made.update((path, os.path.dirname(path)))
        target.write_bytes(content)
        target.chmod(0o644)


def _hidden(path: str, point: str) -> bool:
    """Whether a file of the host is not seen in the world, since its place there is a fresh directory."""
    return any(_under(path, top) and not _under(point, top) for top in FRESH)


def _like(original: str, copy: Path, names: _Names) -> None:
    """Make a directory with the owner and the mode of another, whatever is in it; 755 where there is no other."""
    if copy.is_dir():
        return
    copy.mkdir()
    shape = os.stat(original) if os.path.isdir(original) else None
    copy.chmod(stat.S_IMODE(shape.st_mode) if shape is not None else 0o755)
    if shape is not None and names.all_users:
        os.chown(copy, shape.st_uid, shape.st_gid)


def _kernel_file_systems(names: _Names) -> None:
    try:
        mounts.mount("proc", "/proc", "proc", _QUIET)
    except PermissionError as error:
        raise DiskError(
            "a user namespace may mount no /proc here, because the host's own is covered in parts: "
            "run as root, or in a container with an unmasked /proc (privileged)"
        ) from error
    for name in ("/proc/sys", "/proc/sysrq-trigger"):
        if os.path.exists(name):
            mounts.bind(name, name, read_only=True)
    mounts.mount("sysfs", "/sys", "sysfs", _QUIET | mounts.RDONLY)
    mounts.mount("dev", "/dev", "tmpfs", mounts.NOSUID, "mode=755,size=64k")
    for name in _DEVICES:
        target = f"/dev/{name}"
        Path(target).touch()
        mounts.mount(f"./dev/{name}", target, "", mounts.BIND)
    for name, target in (("fd", ""), ("stdin", "/0"), ("stdout", "/1"), ("stderr", "/2")):
        os.symlink(f"/proc/self/fd{target}", f"/dev/{name}")
    os.symlink("pts/ptmx", "/dev/ptmx")
    os.mkdir("/dev/pts")
    os.mkdir("/dev/shm")
    group = ",gid=5" if names.all_users else ""
    mounts.mount(
        "devpts", "/dev/pts", "devpts", mounts.NOSUID | mounts.NOEXEC, f"newinstance,ptmxmode=666,mode=620{group}"
    )
    mounts.mount("shm", "/dev/shm", "tmpfs", mounts.NOSUID | mounts.NODEV, "mode=1777")


def _cover(disk: Disk) -> None:
    """Nothing of the run itself is seen from inside."""
    for path in {os.path.realpath(each) for each in disk.layout.covered}:
        if os.path.isdir(path):
            mounts.mount("covered", path, "tmpfs", _QUIET | mounts.RDONLY, "mode=555,size=4k")
        elif os.path.exists(path):
            mounts.bind("/dev/null", path)


def _volumes(disk: Disk, names: _Names) -> None:
    for inside, host in disk.volumes.items():
        source = "." + host
        if not os.path.exists(source):
            raise DiskError(f"volume {host}: there is no such file or directory on the host")
        names.ensure(inside, directory=os.path.isdir(source))
        mounts.bind(source, inside)


def _under(path: str, top: str) -> bool:
    return path == top or path.startswith(top.rstrip("/") + "/")
