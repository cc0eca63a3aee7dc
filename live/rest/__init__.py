"""Venues' REST interfaces: one polite HTTP client, and a thin typed client for each venue."""
