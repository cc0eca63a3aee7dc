"""The commands: thin shells over the library, quick to start."""
