"""Programs that train, show, measure and compare networks of this library."""
