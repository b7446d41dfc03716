"""Optimizers, schedules, averages of the weights."""
