"""The page of a run and of a sweep: one file that opens anywhere, and shows what came out."""
