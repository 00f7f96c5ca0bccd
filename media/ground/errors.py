"""The errors that `media` raises. A refusal to people is not one of them: see `conference/ground/errors.py`."""


class PeerError(Exception):
    """Bytes or SDP of one peer were wrong; that peer's connection ends, nothing else does."""


class StaleLibrary(RuntimeError):
    """The native library was built from other sources than those beside it, or was not built at all."""
