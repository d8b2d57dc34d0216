"""What happens without being asked: cards are brought up to date, deadlines are kept."""
