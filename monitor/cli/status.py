"""The exit statuses of the command ``monitor``."""

DONE, SOME_INVALID, COULD_NOT_RUN, INTERRUPTED = 0, 1, 2, 130
NOT_INTACT = DIFFERS = SOME_MISSING = 1
