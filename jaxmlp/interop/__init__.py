"""Networks from other libraries, and for them."""
