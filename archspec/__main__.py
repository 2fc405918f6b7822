"""`python -m archspec` is the command `archspec`."""

import sys

from archspec.entry import main

sys.exit(main())
