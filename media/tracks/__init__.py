"""Published tracks (producers) and their forwarding to a peer (consumers)."""
