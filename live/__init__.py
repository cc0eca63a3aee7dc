"""What talks to venues: REST clients and history fetches, feeds, the recorder. It may import ``arena`` only."""
