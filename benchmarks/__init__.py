"""Our figures beside the alternatives', measured in the same minute on the same machine."""
