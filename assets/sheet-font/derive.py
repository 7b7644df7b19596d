"""Writes glyphs.tsv: the outlines that curate letters its picture sheets with.

A machine without fonts would letter nothing (or boxes), so the outlines of one open font travel along.
Source: Noto Sans 2.004, Regular, SIL Open Font License 1.1 (OFL.txt), from Debian's package
fonts-noto-core 20201225-1. Needs fonttools 4.68.0. The output is reproducible byte for byte:

    apt-get download fonts-noto-core && dpkg -x fonts-noto-core_*.deb noto
    python3 derive.py noto/usr/share/fonts/truetype/noto

A line is a character, its advance width and its SVG path, in thousandths of the font size, y downwards from the
baseline.
"""

import hashlib
import io
import sys
from pathlib import Path

from fontTools.pens.basePen import BasePen
from fontTools.ttLib import TTFont

SOURCE = "NotoSans-Regular.ttf"
SHA256 = "89c3c497f618fdaa0b2d1e98fef93582f28c71debd2c4a8cdf41f190ced2909d"
# What European and Vietnamese names, Greek and Cyrillic are written with, everyday punctuation and signs.
RANGES = [
    (0x20, 0x7E), (0xA0, 0xAC), (0xAE, 0x17F), (0x1A0, 0x1A1), (0x1AF, 0x1B0), (0x218, 0x21B), (0x386, 0x3CE),
    (0x400, 0x45F), (0x490, 0x4BB), (0x4D0, 0x4F9), (0x1E9E, 0x1E9E), (0x1EA0, 0x1EF9), (0x2010, 0x2026),
]
SIGNS = [0x2030, 0x2039, 0x203A, 0x20AC, 0x20BD, 0x2116, 0x2122, 0x2212, 0xFFFD]


class RelativePath(BasePen):
    """SVG path data with relative, rounded coordinates: shorter than absolute ones."""

    def __init__(self, glyphs):
        super().__init__(glyphs)
        self.parts = []
        self.at = (0, 0)

    def _step(self, letter, *points):
        numbers = []
        for x, y in points:
            numbers += [round(x) - self.at[0], self.at[1] - round(y)]
        self.at = (round(points[-1][0]), round(points[-1][1]))
        text = letter
        for n in numbers:
            text += str(n) if n < 0 or text[-1].isalpha() else f" {n}"
        self.parts.append(text)

    def _moveTo(self, p):
        self._step("m", p)
        self.start = self.at

    def _lineTo(self, p):
        self._step("l", p)

    def _qCurveToOne(self, p1, p2):
        self._step("q", p1, p2)

    def _closePath(self):
        self.parts.append("z")
        self.at = self.start


source = (Path(sys.argv[1]) / SOURCE).read_bytes()
found = hashlib.sha256(source).hexdigest()
if found != SHA256:
    sys.exit(f"{SOURCE}: sha256 {found}, expected {SHA256}")
font = TTFont(io.BytesIO(source))
assert font["head"].unitsPerEm == 1000
glyphs, names = font.getGlyphSet(), font.getBestCmap()
lines = []
for code in [c for low, high in RANGES for c in range(low, high + 1)] + SIGNS:
    if code in names:
        pen, glyph = RelativePath(glyphs), glyphs[names[code]]
        glyph.draw(pen)
        lines.append(f"{chr(code)}\t{round(glyph.width)}\t{''.join(pen.parts)}\n")
Path(__file__).with_name("glyphs.tsv").write_text("".join(lines), encoding="utf-8")
print(len(lines), "glyphs")
