"""Common infrastructure: checks, arrays of other libraries, random streams, files."""
