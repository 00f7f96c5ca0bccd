"""The migration steps, one module for each step."""
