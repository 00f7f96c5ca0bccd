"""Pictures of the mixer: decoding, tiles, canvases, encoding, and the program of each group."""
