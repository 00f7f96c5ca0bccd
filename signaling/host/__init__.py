"""The ground of signaling: files, tasks, time, limits, settings, tokens, throttles. It imports no other part of signaling."""
