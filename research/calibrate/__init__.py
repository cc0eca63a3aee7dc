"""The lab, calibrated: stylised facts of recorded and generated markets, the fit between them, and its page."""
