"""History from the venues' REST interfaces into a catalog: resumable, paced, and with every raw reply kept."""
