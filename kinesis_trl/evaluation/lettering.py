"""Words on pictures: captions that are wrapped rather than cut, and a legend of what colours mean."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from kinesis_trl.evaluation.rendering import REFERENCE, Image, muscle_colours

NO_ARMS = "The model has no arms."
"""What is said wherever the body is shown."""
_INK, _PAPER = (25, 25, 25), (255, 255, 255)


@lru_cache(maxsize=16)
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def caption(image: Image, text: str, *, size: int | None = None) -> Image:
    """The picture with lines of text on top, wrapped to its width.

    Args:
        image: the picture.
        text: lines, separated by newlines.
        size: height of letters in pixels; default: a 28th of the picture's height, at least 11.
    """
    size = size or max(11, image.shape[0] // 28)
    picture, font = Pillow.fromarray(image), _font(size)
    draw = ImageDraw.Draw(picture)
    margin = size // 2
    lines = [part for line in text.split("\n") for part in _wrapped(line, font, image.shape[1] - 2 * margin)]
    draw.multiline_text(
        (margin, margin), "\n".join(lines), fill=_INK, font=font, stroke_width=max(1, size // 10), stroke_fill=_PAPER
    )
    return np.asarray(picture)


def _wrapped(line: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float) -> list[str]:
    """Parts of a line that are each at most `width` pixels wide; a long word is broken."""
    parts: list[str] = []
    now = ""
    for word in line.split(" "):
        joined = f"{now} {word}" if now else word
        if font.getlength(joined) <= width:
            now = joined
            continue
        *whole, now = [*([now] if now else []), *_broken(word, font, width)]
        parts += whole
    return [*parts, now]


def _broken(word: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, width: float) -> list[str]:
    parts = [""]
    for letter in word:
        if parts[-1] and font.getlength(parts[-1] + letter) > width:
            parts.append("")
        parts[-1] += letter
    return parts


def legend_height(height: int) -> int:
    """Pixels that the legend takes of a picture of `height`."""
    return max(28, height // 14) // 2 * 2


def legend(width: int, height: int, *, reference: bool = True) -> Image:
    """A strip (height, width, 3): colours of muscles by activation, the reference's outline, and what is absent."""
    picture = Pillow.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(picture)
    size = max(9, min(round(0.42 * height), width // 70))
    font, middle, gap = _font(size), height // 2, round(0.8 * size)
    x = float(gap)

    def say(text: str) -> None:
        nonlocal x
        draw.text((x, middle), text, fill=_INK, font=font, anchor="lm")
        x += font.getlength(text) + gap

    say("muscle activation: 0")
    bar = 7 * size
    colours = np.round(255 * muscle_colours(np.linspace(0, 1, bar))).astype(int)
    for k, colour in enumerate(colours.tolist()):
        draw.line((x + k, middle - size // 2, x + k, middle + size // 2), fill=tuple(colour))
    x += bar + gap
    say("1")
    x += gap
    if reference:
        draw.rectangle(
            (x, middle - size // 2, x + size, middle + size // 2), outline=REFERENCE, width=max(2, size // 6)
        )
        x += size + gap
        say("outline: reference motion")
        x += gap
    say(NO_ARMS)
    return np.asarray(picture)
