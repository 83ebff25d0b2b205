"""What every part of comixup stands on: checks, arrays of other libraries, streams, files."""
