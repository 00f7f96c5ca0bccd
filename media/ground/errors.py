"""The errors that `media` raises. `conference/ground/errors.py` has the errors that users see."""


class PeerError(Exception):
    """Bytes or SDP from one peer were wrong, or one peer has too many tracks. Other connections are not affected."""


class StaleLibrary(RuntimeError):
    """The native library is missing, or was built from sources other than the sources next to it."""
