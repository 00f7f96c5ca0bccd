"""The commands of `diemcau` that work on what lasts: one file for each group, added to the command in `signaling.cli`."""
