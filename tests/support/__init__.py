"""What the suites share besides fixtures."""
