"""A program that calls two services. It reads their keys like any other program, and knows nothing of ptrun."""

import os
import sys

KEYS = ("OPENAI_API_KEY", "ANTHROPIC_API_KEY")

missing = [name for name in KEYS if not os.environ.get(name)]
if missing:
    sys.exit(f"not set: {', '.join(missing)}")
for name in KEYS:
    # What a client of the service would be made with; here, only how long it is.
    print(f"{name}: {len(os.environ[name])} characters")
