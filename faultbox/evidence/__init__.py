"""What a run leaves for people: spools while it goes, a bundle after it, and replaying one."""

from faultbox.evidence.bundle import BadBundle, Bundle, open  # noqa: A004 - the door's name
from faultbox.evidence.packing import default_name, pack
from faultbox.evidence.spool import Spool, Unreadable

__all__ = ["BadBundle", "Bundle", "Spool", "Unreadable", "default_name", "open", "pack"]
