"""What happened in a case: ordered, complete, watched, stored."""

from faultbox.trace.deciding import deciding, render
from faultbox.trace.log import Log
from faultbox.trace.watchers import Violation

__all__ = ["Log", "Violation", "deciding", "render"]
