"""What clients send, turned into envelopes: one module a protocol."""
