"""Stores of others that are imported: the data folder of a reference node, and its backup archives."""
