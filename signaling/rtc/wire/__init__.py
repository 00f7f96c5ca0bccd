"""Read and write the messages of the browser protocol."""
