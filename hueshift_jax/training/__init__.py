"""The loop, blind to what it trains."""
