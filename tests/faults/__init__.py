"""Trials of crash safety: worker processes that are killed, paused, added and cut off."""
