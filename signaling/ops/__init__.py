"""Information for an operator: figures, traces, the journal, and the installed libraries."""
