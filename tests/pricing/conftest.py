"""How the properties of prices are tried."""

from hypothesis import settings

# A slow example on a busy machine is no counterexample.
settings.register_profile("pricing", deadline=None)
settings.load_profile("pricing")
