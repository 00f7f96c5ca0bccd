"""The commands of `diemcau` that work on stored data: one file for each group, added to the command in `signaling.cli`."""
