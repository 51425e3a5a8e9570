"""One price for everybody who asks the same: which record wins, why, since when and until when."""
