"""The eyes: what makes events of what services do."""

from faultbox.observe.decoders import Decode, decoder
from faultbox.observe.sources.output import OutputSource

__all__ = ["Decode", "OutputSource", "decoder"]
