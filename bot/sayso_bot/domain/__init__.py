"""What Sayso is about, without I/O, clock or await: pure values and rules."""
