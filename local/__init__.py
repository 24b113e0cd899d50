"""The local stack: one command deploys template.yaml to an embedded AWS engine and serves it on one port."""
