"""The tables of `rooms`, one file for each package that owns rows. `schema` imports them all."""
