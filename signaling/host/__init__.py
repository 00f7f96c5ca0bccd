"""The ground of signaling: files, tasks, time, limits, settings, tokens, throttles. Imports nothing above it."""
