"""The base of the mixer, for both ends: the scene, its layouts, its cost, and the control channel."""
