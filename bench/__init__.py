"""Measures on the running service what it must reach; ``python -m bench`` (or ``make bench``) runs it.

`rows` and `scale` say what a row is and how large a whole run is, `workload` runs the service that is measured, `load`
puts load on it, `ceilings` holds the programs that it is compared with. Each other module measures one thing and has
``async def rows(scale, progress)``.
"""
