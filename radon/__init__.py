"""Radon: a WebAssembly component runtime with a syscall-style interface."""
