"""The small job in what a user might pick instead; each program runs in a process of its own."""
