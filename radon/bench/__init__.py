"""Load generators: what `radon bench` runs. They drive a store, check its answers and measure what it took.

    workloads.py   which operations, on which records
    load.py        one run of a client: what it is to do, and what came of it
    histogram.py   latencies
    native/        the client over TCP, in C; guest/ the client that runs inside of a domain
    targets.py     what is driven: servers.py starts and finds it, inside.py runs it in a process of its own
    campaign.py    many runs, interleaved; results.py what is written of them, plot.py what is drawn

Knows no command line, and starts `radon` only as any user does: as another process.
"""
