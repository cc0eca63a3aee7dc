"""The lab: a deterministic market generator whose truth is known."""
