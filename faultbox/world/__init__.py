"""Where a case lives: namespaces, disk, processes, readiness, output."""

from faultbox.world.changes import ChangedFile
from faultbox.world.command import Command, LaunchError
from faultbox.world.environment import environment
from faultbox.world.layout import Frozen, Layout, NoLayers, discard, mount_frozen, prepare
from faultbox.world.output import Output
from faultbox.world.processes import ended
from faultbox.world.readiness import NotReady, wait_ready
from faultbox.world.trust import Trust
from faultbox.world.world import Exit, Notices, Process, Settings, World, WorldError

__all__ = [
    "ChangedFile",
    "Command",
    "Exit",
    "Frozen",
    "LaunchError",
    "Layout",
    "NoLayers",
    "NotReady",
    "Notices",
    "Output",
    "Process",
    "Settings",
    "Trust",
    "World",
    "WorldError",
    "discard",
    "ended",
    "environment",
    "mount_frozen",
    "prepare",
    "wait_ready",
]
