"""Ways to scale a photo to the squares that locator and detector see: Pillow and others.

    python tests/bench/photo_scaling.py FOLDER_OF_FLUKES

Prints the least CPU milliseconds of each way, the mean of the photos, and how many numbers differ
from Pillow's. "products" makes Pillow's very pixels where Pillow begins with the rows: a matrix
product in float32 adds up what Pillow adds up in whole numbers, and where its error could turn a
rounding, the sum is made again. Pillow 13 begins with the columns of some photos, and then numbers
differ. OpenVINO compiles each size of a photo anew, so it gets one.
"""

from __future__ import annotations

import argparse
import importlib
import time
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedding.photos.photo import Image, read_photo, resize, to_array

Floats = NDArray[np.float32]
Whole = NDArray[np.int64]

_ONE = 2**22  # Pillow's weights are whole numbers of which so many are 1
_REACH = 2.0  # of the bicubic filter, in pixels of the smaller picture
_SHARPNESS = -0.5  # the bicubic filter's parameter in Pillow
_OUT_AT_ONCE = 8  # pixels of a line that one product makes: a wider one multiplies more zeros
_MOST_PRODUCTS = 250_000  # of numbers in one product: with more, BLAS wakes a second thread
_MOST_DOUBTED = 0.02  # of the pixels, before Pillow is the faster one
_HALF = np.float32(0.5)


class _Product(NamedTuple):
    """Pixels `first` to `stop` of a line, times weights (stop - first, k), are k from `out` on."""

    first: int
    stop: int
    out: int
    weights: Floats


class _Axis(NamedTuple):
    """How lines become shorter: the products, and the same in whole numbers.

    Pixel j is made of those from `starts[j]` on, with the weights `whole[j]`. No product is off by
    more than `error`.
    """

    products: tuple[_Product, ...]
    starts: Whole
    whole: Whole
    error: np.float32

    def places(self, out: Whole, before: int) -> Whole:
        """Which pixels (k, taps) of `before` make pixels `out` (k,); the last ones may count 0."""
        taken: Whole = self.starts[out, None] + np.arange(self.whole.shape[1])
        return np.minimum(taken, before - 1, out=taken)

    def exact(self, pixels: Floats, out: Whole) -> Whole:
        """Pixels `out` (k,), made of those (k, taps) at their `places`."""
        sums = (pixels.astype(np.int64) * self.whole[out]).sum(1)
        return np.clip((sums + _ONE // 2) // _ONE, 0, 255)


@lru_cache(256)
def _axis(before: int, after: int) -> _Axis:
    """Make Pillow's weights (its Resample.c), in float64 and then in whole numbers, as it does."""
    scale = before / after
    middles = (np.arange(after) + 0.5) * scale
    starts = np.maximum((middles - _REACH * scale + 0.5).astype(np.int64), 0)
    stops = np.minimum((middles + _REACH * scale + 0.5).astype(np.int64), before)
    places = starts[:, None] + np.arange(int((stops - starts).max()))
    weights = _bicubic((places - middles[:, None] + 0.5) * (1 / scale))
    weights[places >= stops[:, None]] = 0
    weights /= np.cumsum(weights, axis=1)[:, -1:]  # Pillow adds them in their order
    whole = np.trunc(weights * _ONE + np.where(weights < 0, -0.5, 0.5)).astype(np.int64)
    products = list[_Product]()
    for out in range(0, after, _OUT_AT_ONCE):
        own = slice(out, min(out + _OUT_AT_ONCE, after))
        first, stop = int(starts[own].min()), int(stops[own].max())
        matrix = np.zeros((stop - first, own.stop - out), np.float32)
        for column, row in enumerate(range(out, own.stop)):
            start, count = int(starts[row]), int(stops[row] - starts[row])
            matrix[start - first : start - first + count, column] = whole[row, :count] / _ONE
        products.append(_Product(first, stop, out, matrix))
    # Higham 2002, section 3.1: n terms of a sum are off by n roundings of all sizes added.
    sizes = 255 * float((np.abs(whole).sum(1) / _ONE).max())
    error = np.float32((places.shape[1] + 2) * 2.0**-24 * sizes + 2.0**-14)
    return _Axis(tuple(products), starts, whole, error)


def _bicubic(x: NDArray[np.float64]) -> NDArray[np.float64]:
    a, x = _SHARPNESS, np.abs(x)
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = (((x - 5) * x + 8) * x - 4) * a
    return np.where(x < 1, near, np.where(x < _REACH, far, 0.0))


def by_products(planes: NDArray[np.uint8], px: int) -> NDArray[np.uint8] | None:
    """Planes (3, h, w) as a picture (px, px, 3); None where Pillow is to make it."""
    _, height, width = planes.shape
    across, down = _axis(width, px), _axis(height, px)
    widest = max(each.stop - each.first for each in across.products)
    rows = max(1, _MOST_PRODUCTS // (3 * widest * _OUT_AT_ONCE))
    narrow = np.empty((3, height, px), np.float32)
    for start in range(0, height, rows):
        lines = planes[:, start : start + rows].astype(np.float32).reshape(-1, width)
        made = np.empty((len(lines), px), np.float32)
        for first, stop, out, weights in across.products:
            np.matmul(lines[:, first:stop], weights, out=made[:, out : out + weights.shape[1]])
        doubted = _round(made, across.error)
        if len(doubted) > _MOST_DOUBTED * made.size:
            return None
        line, out = np.divmod(doubted, px)
        pixels = lines[line[:, None], across.places(out, width)]
        made.reshape(-1)[doubted] = across.exact(pixels, out)
        narrow[:, start : start + rows] = made.reshape(3, -1, px)
    small = np.empty((3, px, px), np.float32)
    for first, stop, out, weights in down.products:
        np.matmul(weights.T, narrow[:, first:stop], out=small[:, out : out + weights.shape[1]])
    doubted = _round(small, down.error)
    if len(doubted) > _MOST_DOUBTED * small.size:
        return None
    colour, rest = np.divmod(doubted, px * px)
    out, column = np.divmod(rest, px)
    pixels = narrow[colour[:, None], down.places(out, height), column[:, None]]
    small.reshape(-1)[doubted] = down.exact(pixels, out)
    return np.ascontiguousarray(small.astype(np.uint8).transpose(1, 2, 0))


def _round(values: Floats, error: np.float32) -> Whole:
    """Round to whole numbers of 0 to 255 in place; returns where that may be wrong, flat."""
    values += _HALF
    whole = np.floor(values)
    values -= whole
    values -= _HALF
    np.abs(values, out=values)
    doubted = np.flatnonzero(values > _HALF - error)
    np.clip(whole, 0, 255, out=values)
    return doubted


def by_openvino(px: int) -> Callable[[Image], NDArray[np.uint8]]:
    """OpenVINO's interpolation that is called Pillow's, for photos of any size."""
    openvino: Any = importlib.import_module("openvino")
    opset: Any = importlib.import_module("openvino.opset11")
    photo = opset.parameter([1, -1, -1, 3], dtype=np.uint8)
    small = opset.interpolate(
        photo,
        opset.constant(np.array([px, px], np.int32)),
        "bicubic_pillow",
        "sizes",
        pads_begin=[0, 0, 0, 0],
        pads_end=[0, 0, 0, 0],
        cube_coeff=_SHARPNESS,
        axes=opset.constant(np.array([1, 2], np.int32)),
    )
    options = {"INFERENCE_NUM_THREADS": 1, "NUM_STREAMS": 1}
    model = openvino.Core().compile_model(openvino.Model([small], [photo]), "CPU", options)
    request = model.create_infer_request()

    def scale(image: Image) -> NDArray[np.uint8]:
        request.infer({0: to_array(image)[None]})
        return request.get_output_tensor(0).data[0].copy()

    return scale


def planes_of(image: Image) -> NDArray[np.uint8]:
    """The colours apart, (3, h, w)."""
    return np.stack([np.asarray(colour) for colour in image.split()])


def cpu_ms(act: Callable[[], object], repeat: int = 9) -> float:
    """The least CPU milliseconds of several calls, of all threads."""
    least = 9e9
    for _ in range(repeat):
        started = time.process_time()
        act()
        least = min(least, time.process_time() - started)
    return 1000 * least


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--px", type=int, nargs="+", default=[96, 160])
    given = parser.parse_args()
    images = [read_photo(path) for path in sorted(given.photos.iterdir())]
    planes = [planes_of(image) for image in images]
    took = np.mean([cpu_ms(lambda one=image: planes_of(one)) for image in images])
    print(f"{len(images)} photos; their colours taken apart, once for all sizes: {took:.2f} ms")
    for px in given.px:
        compare(images, planes, px)


def compare(images: list[Image], planes: list[NDArray[np.uint8]], px: int) -> None:
    """Print what each way takes to make squares of a size."""
    expected = [to_array(resize(image, px, px)) for image in images]
    pillow = np.mean([cpu_ms(lambda one=image: resize(one, px, px)) for image in images])
    products = np.mean([cpu_ms(lambda one=each: by_products(one, px)) for each in planes])
    made = [by_products(each, px) for each in planes]
    pairs = [(one, two) for one, two in zip(made, expected, strict=True) if one is not None]
    other = sum(bool((one != two).any()) for one, two in pairs)
    scale = by_openvino(px)
    started = time.process_time()
    differ = int((scale(images[0]) != expected[0]).sum())
    first = 1000 * (time.process_time() - started)
    again = cpu_ms(lambda: scale(images[0]))
    print(
        f"{px} px: Pillow {pillow:.2f} ms; products {products:.2f} ms, {other} of {len(pairs)} "
        f"photos differ; OpenVINO {again:.1f} ms, its first {first:.0f} ms, {differ} of "
        f"{expected[0].size:,} numbers differ",
        flush=True,
    )


if __name__ == "__main__":
    main()
