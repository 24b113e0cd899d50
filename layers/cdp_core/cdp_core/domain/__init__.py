"""Rules and values. Pure: standard library only, no I/O, no clock, no randomness."""
