"""Where runs are executed: in this process, in a pool of processes, on a Dask cluster."""
