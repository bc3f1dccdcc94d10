"""Sources of events, one file a kind."""
