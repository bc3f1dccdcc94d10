"""Faults in system calls: the kernel notifies, a supervisor decides.

`compile` gives the filter for a service's launch, `supervise` the process that serves its listener.
"""

from faultbox.syscalls.client import Supervisor, supervise
from faultbox.syscalls.evidence import Report
from faultbox.syscalls.filter import compile  # noqa: A004

__all__ = ["Report", "Supervisor", "compile", "supervise"]
