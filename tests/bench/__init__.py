"""The search side by side with what else one could pick. Run it with `make bench-search`."""
