"""People answer in Microsoft Teams."""
