"""The version of this distribution: the one place that it is written in. The build reads it from here."""

__version__ = "0.1.0"
