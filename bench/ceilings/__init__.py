"""What Sayso is compared with: the least that somebody would write by hand, each in one short file."""
