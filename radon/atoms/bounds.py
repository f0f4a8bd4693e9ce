"""How far an application may be spread, and how long it may be simulated. Loads nothing: a command line checks it."""

MOST_DOMAINS = 64
"""Of one deployment: a process has no use for more threads."""

MOST_HOSTS = 64
"""Of a simulated cluster."""

LONGEST = 86_400
"""Simulated seconds of a seed."""
