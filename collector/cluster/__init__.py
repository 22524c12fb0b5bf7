"""A scan on the workers of a Dask cluster."""
