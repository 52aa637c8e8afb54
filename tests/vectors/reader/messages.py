"""The messages of a session."""

from reader.core import (
    MAX_POINTS,
    MAX_TIPS,
    MAX_ADDRESSES,
    MAX_ADDRESS,
    SPAN,
    MAX_MESSAGE,
    need,
    load,
    same,
    is_int,
    is_hash,
    is_signature,
    is_place,
)
from reader.events import check_run_shape

FIELDS = {0: 10, 1: 1, 2: 2, 3: 2, 4: 2, 5: 2, 6: 2, 7: 2, 8: 2}


def check_tips(tips):
    need(type(tips) is list, "malformed")
    need(len(tips) <= MAX_TIPS, "too-many")
    need(all(is_place(tip) for tip in tips), "malformed")
    need(all(a < b for a, b in zip(tips, tips[1:])), "malformed")


def check_locator(points):
    need(type(points) is list, "malformed")
    need(len(points) <= MAX_POINTS, "too-many")
    need(points and all(is_place(point) for point in points), "malformed")
    need(all(a[0] == b[0] and a[1] > b[1] for a, b in zip(points, points[1:])), "malformed")
    need(points[-1][1] == 0, "malformed")


def check_commitment(fields):
    need(type(fields) is list and len(fields) == 4, "malformed")
    need(all(is_hash(field) for field in fields[:3]) and is_signature(fields[3]), "malformed")


def check_open(fields):
    _, version, mesh, device, head, fold, state, base, tips, addresses = fields
    need(is_int(version, 0, 2**16 - 1) and is_int(fold, 0, 2**32 - 1), "malformed")
    need(all(is_hash(field) for field in (mesh, device, head, state)), "malformed")
    need(base is None or is_hash(base), "malformed")
    if tips is not None:
        need(type(tips) is list and len(tips) == 2 and type(tips[0]) is bool, "malformed")
        check_tips(tips[1])
    need(type(addresses) is list, "malformed")
    need(len(addresses) <= MAX_ADDRESSES, "too-many")
    for address in addresses:
        need(type(address) is str and len(address.encode()) <= MAX_ADDRESS, "malformed")


def message(data):
    """Checks a message's shape and gives its fields, the type first."""
    need(len(data) <= MAX_MESSAGE, "too-long")
    fields = load(data)
    need(type(fields) is list and fields and is_int(fields[0]), "malformed")
    need(fields[0] in FIELDS, "unknown-type")
    need(len(fields) == FIELDS[fields[0]], "malformed")
    match fields:
        case [0, *_]:
            check_open(fields)
        case [2, tips]:
            check_tips(tips)
        case [3, run]:
            wire, _ = check_run_shape(run)
            need(len(wire) <= SPAN, "too-many")
        case [4, commits]:
            need(type(commits) is bool, "malformed")
        case [5, commitment]:
            check_commitment(commitment)
        case [6, code]:
            need(is_int(code, 0, 3), "malformed")
        case [7, points]:
            check_locator(points)
        case [8, point]:
            need(is_place(point), "malformed")
    same(fields, data)
    return fields
