"""Replay, explain and verify: what the events say, without Kafka's help or with it."""
