"""Draws the app's icon: a small mesh of three dots. Run it after changing the drawing; the PNGs are committed."""

import struct
import zlib
from pathlib import Path

DOTS = [(0.5, 0.26), (0.24, 0.72), (0.76, 0.72)]
INDIGO, PAPER = (79, 70, 229), (255, 255, 255)
SAMPLES = 4


def inside(x: float, y: float) -> tuple[int, int, int] | None:
    for dx, dy in DOTS:
        if (x - dx) ** 2 + (y - dy) ** 2 < 0.115**2:
            return PAPER
    for (ax, ay), (bx, by) in ((DOTS[0], DOTS[1]), (DOTS[1], DOTS[2]), (DOTS[2], DOTS[0])):
        length = ((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5
        along = ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length
        off = abs((x - ax) * (by - ay) - (y - ay) * (bx - ax)) / length
        if 0 <= along <= length and off < 0.028:
            return PAPER
    edge, radius = 0.04, 0.22
    cx = min(max(x, edge + radius), 1 - edge - radius)
    cy = min(max(y, edge + radius), 1 - edge - radius)
    return INDIGO if (x - cx) ** 2 + (y - cy) ** 2 < radius**2 else None


def png(size: int) -> bytes:
    rows = b""
    for py in range(size):
        row = b"\0"
        for px in range(size):
            hits = []
            for sy in range(SAMPLES):
                for sx in range(SAMPLES):
                    hits.append(inside((px + (sx + 0.5) / SAMPLES) / size, (py + (sy + 0.5) / SAMPLES) / size))
            seen = [hit for hit in hits if hit]
            colour = [sum(c[i] for c in seen) // len(seen) if seen else 0 for i in range(3)]
            row += bytes(colour + [255 * len(seen) // len(hits)])
        rows += row
    head = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    body = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


for name, size in (("32x32", 32), ("128x128", 128), ("icon", 512)):
    (Path(__file__).parent / f"{name}.png").write_bytes(png(size))
