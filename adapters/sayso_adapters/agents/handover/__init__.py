"""The Handover's API, so that its clients ask here with another address and a key of ours."""
