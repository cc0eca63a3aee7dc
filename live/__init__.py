"""What will run for days: feeds, brokers, latches. Empty until the live issue; it may import ``arena`` only."""
