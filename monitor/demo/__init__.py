"""The demo: simulated shops, or real events, through the real program."""
