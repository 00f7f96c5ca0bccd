"""Blobs that a participant stores for others to fetch, such as schemas of its frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conference.ground import limits
from conference.ground.errors import Refusal

if TYPE_CHECKING:
    from conference.data.state import Party


def store(owner: Party, key: bytes, contents: bytes) -> None:
    """Store a blob until its owner leaves. The same key replaces the old blob. Raises Refusal."""
    blobs = owner.data.blobs
    if not owner.grants.can_publish_data:
        raise Refusal("publish_data_denied")
    others = [len(name) + len(value) for name, value in blobs.items() if name != key]
    if len(others) >= limits.BLOBS or sum(others) + len(key) + len(contents) > limits.BLOBS_BYTES:
        raise Refusal("blob_limit")
    blobs[key] = contents


def fetch(reader: Party, identity: str, key: bytes) -> bytes:
    """Return a blob of this identity. An empty `identity` means the reader. Raises Refusal."""
    owner = reader.data.table.participants.get(identity or reader.identity)
    hidden = owner is not None and owner is not reader and owner.grants.hidden
    if owner is None or hidden or key not in owner.data.blobs:
        raise Refusal("blob_not_found")
    return owner.data.blobs[key]
