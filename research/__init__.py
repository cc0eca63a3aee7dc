"""What a researcher runs: experiments, walk-forwards, reports, tracking, and the commands."""
