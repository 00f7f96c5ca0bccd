"""The calls that join hall terminals to meetings. `HALLS.md` shows the parts, who calls whom, and the life of a call."""
