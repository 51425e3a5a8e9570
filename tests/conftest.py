"""What every test may ask for."""

import os

from tests import chance  # noqa: F401  (its profile is in force for every test)

pytest_plugins = ["tests.browser", "tests.databases", "tests.redis_servers", "tests.shop"]

# Where things are may be told from outside; how they behave is each test's own affair.
_KEPT = {"DATABASE_URL", "REDIS_URL", "DATA_DIR", "CHROMIUM", "REQUIRE_CHROMIUM", "REQUIRE_NODE"}
for _name in [name for name in os.environ if name.startswith("SHELFGRAPH_")]:
    if _name.removeprefix("SHELFGRAPH_") not in _KEPT:
        del os.environ[_name]
