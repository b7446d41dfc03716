"""Data sets, and pictures as a network is to see them."""
