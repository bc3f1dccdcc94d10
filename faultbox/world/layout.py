"""Where the writable layers of worlds live, and what a stopped world leaves for later ones."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import field
from pathlib import Path

from faultbox.linux import mounts, namespaces
from faultbox.model.frozen import frozen


class NoLayers(Exception):
    """No directory here can hold the writable layers of worlds. The text says what to do."""


@frozen
class Layer:
    """A writable part of a world's disk: at `point` it shows `lowers`, topmost first, changed as `upper` says.

    All are directories of the host; the last of `lowers` is its own, or stands for it.
    """

    point: str
    lowers: tuple[str, ...]
    upper: str


@frozen
class Frozen:
    """The layers of a stopped world, to lie under those of later ones.

    `shown` holds, for a layer that cannot be stacked as it is, the directory where it lies
    read-only over what was below it (see `mount_frozen`).
    """

    directory: Path
    layers: tuple[Layer, ...]
    shown: Mapping[str, str] = field(default_factory=dict)

    def below(self, point: str, lower: str) -> list[str]:
        """The lower directories, topmost first, of a later world's layer at `point`."""
        if point in self.shown:
            return [self.shown[point]]
        layer = next((each for each in self.layers if each.point == point), None)
        if layer is None:
            return [lower]
        return [layer.upper, *layer.lowers]


@frozen
class Layout:
    """Directories of a run. Worlds see neither `run_dir` nor `layers_dir` nor what `hidden` names."""

    run_dir: Path
    layers_dir: Path
    seed: Frozen | None = None
    hidden: tuple[Path, ...] = ()

    def of(self, world: str) -> Path:
        """The directory of one world's layers."""
        return self.layers_dir / world

    @property
    def covered(self) -> tuple[Path, ...]:
        return (self.run_dir, self.layers_dir, *self.hidden)


def overlay_options() -> tuple[str, ...]:
    """Options every writable overlay gets.

    volatile (5.10): a layer is thrown away or read again by us, so nothing waits for the disk,
    neither fsync in a service nor the end of a world. Without rights over trusted.* attributes
    overlays keep theirs in user.* (5.11), and directories of the host can't be renamed (EXDEV).
    """
    if namespaces.is_initial_user_namespace():
        return ("volatile", "index=off", "redirect_dir=on")
    return ("volatile", "userxattr")


def prepare(layers_dir: Path) -> bool:
    """Make `layers_dir` able to hold the layers of worlds; whether they are in memory then.

    Call it once, in the process that will fork the worlds, while it has one thread: it gets
    mounts of its own, which end with it and its children. Where the directory's file system
    carries no overlay (it is one itself, or NFS, FAT, FUSE), a tmpfs is mounted over it.
    Raises NoLayers.
    """
    namespaces.unshare(namespaces.NEWNS)
    mounts.make_private()
    layers_dir.mkdir(parents=True, exist_ok=True)
    refusal = _refusal(layers_dir)
    if refusal is None:
        return False
    try:
        mounts.mount("faultbox", layers_dir, "tmpfs", mounts.NOSUID | mounts.NODEV, "mode=700")
    except OSError as error:
        raise NoLayers(_advice(layers_dir, str(error))) from error
    in_memory = _refusal(layers_dir)
    if in_memory is not None:
        raise NoLayers(_advice(layers_dir, f"{refusal}; on a tmpfs: {in_memory}"))
    return True


def mount_frozen(frozen: Frozen) -> Frozen:
    """Make a frozen layer usable by the worlds forked from this process: call it once, after `prepare`.

    A directory inside another lower layer is refused as a lower layer itself (ELOOP), so where
    both are on one file system the frozen layer is first laid over what was below it, read-only.
    """
    shown: dict[str, str] = {}
    for number, layer in enumerate(frozen.layers):
        if os.stat(layer.lowers[-1]).st_dev != os.stat(layer.upper).st_dev:
            continue
        target, work = frozen.directory / f"shown-{number}", frozen.directory / f"shown-{number}.work"
        for each in (target, work):
            each.mkdir(exist_ok=True)
        mounts.overlay(str(target), layer.lowers, layer.upper, str(work), overlay_options())
        mounts.set_read_only(str(target))
        shown[layer.point] = str(target)
    return Frozen(frozen.directory, frozen.layers, shown)


def discard(frozen: Frozen) -> None:
    """Remove a frozen layer; no world may stand on it any more. Call it in the process that called `mount_frozen`."""
    for each in frozen.shown.values():
        mounts.umount(each, mounts.DETACH)
    rmtree(frozen.directory)


def rmtree(path: Path) -> None:
    """Remove a tree, overlays' work directories (mode 000) and others closed to their owner included."""
    if not path.exists():
        return
    try:
        shutil.rmtree(path)
    except PermissionError:
        for directory, below, _ in os.walk(path):
            for each in (os.path.join(directory, name) for name in below):
                if not os.path.islink(each):
                    os.chmod(each, 0o700)
        shutil.rmtree(path)


def _refusal(directory: Path) -> str | None:
    """Why an overlay's upper layer can't be in this directory; None when one was mounted and written through."""
    probe = directory / f".probe-{os.getpid()}"
    lower, upper, work, target = (probe / name for name in ("lower", "upper", "work", "target"))
    try:
        for each in (lower, upper, work, target):
            each.mkdir(parents=True, exist_ok=True)
        (lower / "file").write_bytes(b"")
        mounts.overlay(str(target), [str(lower)], str(upper), str(work), overlay_options())
        try:
            (target / "file").unlink()
        finally:
            mounts.umount(target)
    except OSError as error:
        return f"{error.strerror} ({_fstype(directory)})"
    finally:
        rmtree(probe)
    return None


def _fstype(directory: Path) -> str:
    device = os.stat(directory).st_dev
    for each in mounts.table():
        with contextlib.suppress(OSError):
            if os.stat(each.point).st_dev == device:
                return each.fstype
    return "unknown file system"


def _advice(directory: Path, reason: str) -> str:
    return (
        f"no copy-on-write layers in {directory}: {reason}. Name a directory on ext4, xfs, btrfs or tmpfs, "
        "load the overlay module (modprobe overlay), and in a container run it privileged or with a volume there"
    )
