"""The eyes: what makes events of what services do."""

from faultbox.observe.decoders import Decode, decoder
from faultbox.observe.flows import flows
from faultbox.observe.observer import Observer, attach
from faultbox.observe.programs import NoObservation, Pending, Programs, begin, prepare
from faultbox.observe.sources.output import OutputSource

__all__ = [
    "Decode",
    "NoObservation",
    "Observer",
    "OutputSource",
    "Pending",
    "Programs",
    "attach",
    "begin",
    "decoder",
    "flows",
    "prepare",
]
