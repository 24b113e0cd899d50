"""Gateways to the stores, one module a kind of item: the only place that speaks DynamoDB and S3."""
