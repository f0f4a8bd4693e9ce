"""Applications in a simulated cluster, seed by seed: workloads, what must hold, and what came of it."""

from radon.testing.simulation.clients import Client
from radon.testing.simulation.connections import Connection
from radon.testing.simulation.simulate import Options, Result, Simulation
from radon.testing.simulation.workload import State, Workload, WorkloadError

__all__ = ["Client", "Connection", "Options", "Result", "Simulation", "State", "Workload", "WorkloadError"]
