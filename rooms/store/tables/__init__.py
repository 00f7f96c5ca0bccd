"""Every row of `rooms`, a file for each package that owns the rows; `schema` reads them all."""
