"""Venue feeds: how to connect to each, what keeps it alive, and how its frames become rows of the catalog.

A :class:`~live.feeds.base.Feed` describes one connection, :mod:`live.feeds.connection` keeps it up and hands
every frame on untouched, and a :class:`~live.feeds.base.Parser` turns recorded frames into rows. Parsers have
no clock and do no I/O, so replaying a raw log gives the same tables as the live run did.
"""
