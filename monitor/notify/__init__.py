"""Receivers of alert records, one short file each."""
