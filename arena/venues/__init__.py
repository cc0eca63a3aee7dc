"""Venue rules as dated data."""
