"""The inbox: the web page where an approver sees what waits for them and answers it."""
