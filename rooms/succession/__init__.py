"""Mergers and splits of units and sites: the successor gets everything, from halls to future meetings."""
