"""Data between participants: packets, data tracks and stored blobs."""
