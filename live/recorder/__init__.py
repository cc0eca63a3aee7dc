"""The recorder: what the venues say, kept raw and as catalog tables, for days.

Frames (what came over a wire, with the time it came) go to an append-only log beside the tables, and
everything in the tables is a pure function of that log: killed at any moment, the recorder reads on
where its tables end, and a catalog can be rebuilt from the log alone, byte for byte.

================  ==================================================================
``segments``      the format of the raw log: segments, blocks, frames
``writer``        blocks onto the disk, synced, rotated, stopped before the disk is full
``log``           frames from the event loop into blocks, without blocking it
``origin``        what the recorder says in the log: how a session began, whose parser is renewed, that it ended
``carry``         what one parser leaves to the next
``normaliser``    frames through the feeds' parsers into tables of the catalog
``tables``        blocks of rows into the catalog, whatever is in them
``pipeline``      a thread that keeps the tables up with the log
``reparse``       a catalog from a raw log alone
``feeds``         which feeds there are, where they are, and who reads what they said
``windows``       which markets to listen to, which to ask about, and when
``markets``       asks Gamma, and follows the windows on the market channel
``clock``         a wall clock that never steps back; its offset from the venues'
``plan``          what a run is asked to do
``session``       connections, deadlines, failures: one run of the recorder
``health``        what is counted; ``status`` and ``reporter`` make one value of it
``view``          what a person sees meanwhile
================  ==================================================================
"""
