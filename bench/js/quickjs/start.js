// Does nothing: what starting costs.
