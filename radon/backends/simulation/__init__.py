"""A whole faulty cluster in one deterministic process: hosts, network, log, registry and clients, in virtual time.

Real is what a deployment consists of: the domains with the guests' own binaries, and the cluster's protocol. Simulated
is what it runs on. Every choice comes from one generator, so that a seed tells the whole story.
"""
