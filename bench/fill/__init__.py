"""Fills a running platform with made-up people, the way real ones would come: over the tracking API."""
