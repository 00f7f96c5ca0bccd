"""What both ends of a mixer, and pictures and sound, have in common: the scene, its layouts, its cost, the control channel."""
