"""The product against a textbook's handlers and against the floor: `python -m bench.textbook` (`make bench`)."""
