"""What an operator reads: figures, traces, the journal, and which libraries are installed."""
