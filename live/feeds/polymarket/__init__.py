"""Polymarket's market channel: books and trades of up/down windows, and the Gamma metadata that names them.

The channel speaks of token ids only. Which market and which side a token is comes from Gamma's replies, which
are recorded as frames like everything else; so one parser reads both.
"""
