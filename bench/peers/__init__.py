"""Other gates that install from PyPI, run beside Sayso in one run: how fast each takes requests and wakes who waits."""
