"""The pure core: a verdict is a function of a set of events, an instant and a policy."""
