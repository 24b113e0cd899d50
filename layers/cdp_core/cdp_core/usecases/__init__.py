"""Load, decide, store: each use case in its own module, with no rules of its own."""
