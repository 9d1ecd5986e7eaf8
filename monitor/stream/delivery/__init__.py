"""Delivery of alert records to receivers: each reads the ``alerts`` topic at its own pace."""
