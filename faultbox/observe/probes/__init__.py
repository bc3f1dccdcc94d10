"""A user's own programs in the kernel: bcc's, compiled and attached once a run, their output as events of each world.

prepare(services, level, scratch, cache)            before the run; raises NoProbes
ProbeSource(service, attached, probes, cgroup)      in each world
"""

from faultbox.observe.probes.programs import Attached, NoProbes, Probes, prepare
from faultbox.observe.probes.source import ProbeSource

__all__ = ["Attached", "NoProbes", "ProbeSource", "Probes", "prepare"]
