"""Watches a marketplace seller's account health before the marketplace punishes it."""

__version__ = "0.1.0"
