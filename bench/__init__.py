"""Benchmarks; `make bench`."""
