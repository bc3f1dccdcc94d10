"""Where a case lives: namespaces, disk, processes, readiness, output."""

from faultbox.world.changes import ChangedFile
from faultbox.world.command import Command, LaunchError
from faultbox.world.layout import Frozen, Layout, NoLayers, mount_frozen, prepare
from faultbox.world.world import Exit, Process, Settings, World, WorldError

__all__ = [
    "ChangedFile",
    "Command",
    "Exit",
    "Frozen",
    "LaunchError",
    "Layout",
    "NoLayers",
    "Process",
    "Settings",
    "World",
    "WorldError",
    "mount_frozen",
    "prepare",
]
