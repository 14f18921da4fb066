"""How the constructors make the objects of ``core-objects.json`` from the inputs named there."""

from __future__ import annotations
