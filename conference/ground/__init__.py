"""Values that all other folders of conference use; this folder imports nothing else of conference."""
