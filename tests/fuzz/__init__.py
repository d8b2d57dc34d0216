"""Every parser that meets the network, fed what nobody would send: `make fuzz SECONDS=60`."""
