"""All targets by name: one for each decoder."""

from __future__ import annotations

from fuzz import (
    backup,
    core_objects,
    dav,
    door,
    files,
    handlers,
    identity_files,
    objects,
    places,
    trans,
    transport,
    wire,
)
from fuzz.target import Target

TARGETS: dict[str, Target] = {
    **objects.TARGETS,
    **core_objects.TARGETS,
    **transport.TARGETS,
    **wire.TARGETS,
    **handlers.TARGETS,
    **door.TARGETS,
    **trans.TARGETS,
    **files.TARGETS,
    **dav.TARGETS,
    **backup.TARGETS,
    "identity_files": Target(identity_files.run, identity_files.seeds),
    "places": Target(places.run, places.seeds),
}
