"""Live operations: executed once for all who share them, encoded once, sent many times."""
