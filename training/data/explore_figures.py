"""Pictures of what a labelled set holds: photos per label, times, species, tones, sizes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from training.data.explore import Exploration, TimeCoverage
from training.plots import figure

_FEW_LABELS = 15  # so many are named; more are counted
_FEW_TICKS, _MANY_TICKS, _MOST_EQUAL_STEPS = 3, 8, 6
_WIDE_SPAN = 5  # between the longest and the shortest side: beyond it axes are logarithmic
_BLUE, _GREY = "#1f4e79", "#8a98a0"
_CHANNELS = (("red", "#d55e00", "-"), ("green", "#009e73", "--"), ("blue", "#0072b2", "-."))
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_WIDTH, _HEIGHT, _WHOLE_WIDTH = 5.4, 4.2, 9.0  # inches: of one of two panels, and of a single one


def draw_figures(found: Exploration, folder: Path) -> dict[str, str]:
    """Draw what there is to show into `folder`; returns each file's name and subject."""
    drawn: dict[str, str] = {}

    def draw(name: str, shows: str, with_what: Callable[[Path], None]) -> None:
        with_what(folder / name)
        drawn[name] = shows

    if found.per_label:
        draw(
            "photos-per-label.png",
            "Photos per label",
            lambda path: draw_labels(found.per_label, path),
        )
    if found.species:
        draw(
            "species.png",
            "Photos and labels per species",
            lambda path: draw_species(found.species, path),
        )
    time = found.time
    if time is not None:
        draw("time.png", "Photos by year and by month", lambda path: draw_time(time, path))
    draw(
        "tones.png",
        "How bright the pixels of each channel are",
        lambda path: draw_tones(found, path),
    )
    if len(found.sizes_px) > 1:
        draw("sizes.png", "Widths and heights", lambda path: draw_sizes(found.sizes_px, path))
    return drawn


def draw_labels(per_label: Mapping[str, int], path: Path) -> None:
    """Draw how many labels have how many photos, and the photos of each label by rank.

    Both axes are logarithmic.

    Few labels are drawn by name instead.
    """
    if len(per_label) <= _FEW_LABELS:
        with figure(path, width_inches=_WHOLE_WIDTH, height_inches=1.6 + 0.35 * len(per_label)) as (
            axes,
        ):
            _bars_by_name(axes, per_label)
        return
    with figure(path, columns=2, width_inches=_WIDTH, height_inches=_HEIGHT) as (counts, ranks):
        _histogram(counts, per_label)
        numbers = sorted(per_label.values(), reverse=True)
        ranks.plot(range(1, len(numbers) + 1), numbers, color=_BLUE, marker="o", markersize=4)
        ranks.set(
            title="Labels, most photographed first",
            xlabel="rank of the label",
            ylabel="photos of the label",
            xscale="log",
            yscale="log",
        )
        most, least = max(numbers), min(numbers)
        ylim = (
            max(0.8, min(0.8 * least, least - 1)),
            max(1.3 * most, most + 1),
        )  # where all have as many, too
        ranks.set(xlim=(0.8, 1.3 * len(numbers)), ylim=ylim)
        _tick_whole_numbers(ranks.xaxis)
        _tick_whole_numbers(ranks.yaxis)


def _histogram(axes: Any, per_label: Mapping[str, int]) -> None:
    """Draw bars for 1, 2, 3-4, 5-8, ... photos; each bar reaches twice as far as the last."""
    bins = Counter((count - 1).bit_length() for count in per_label.values())
    numbers = range(max(bins) + 1)
    bars = axes.bar(numbers, [bins[each] for each in numbers], color=_BLUE)
    axes.bar_label(bars, [f"{bins[each]:,}" if bins[each] else "" for each in numbers])
    once = bins[0]
    axes.set(
        title=f"{len(per_label):,} labels, {once:,} ({once / len(per_label):.0%}) of one photo",
        xlabel="photos of a label",
        ylabel="labels",
        yscale="log",
    )
    axes.set_xticks(
        numbers, [_range_of(each) for each in numbers], rotation=0 if len(numbers) < 9 else 30
    )
    axes.set(xlim=(-0.6, max(len(numbers), 4) - 0.4), ylim=(0.8, 2 * max(bins.values())))
    _tick_whole_numbers(axes.yaxis)


def _range_of(power: int) -> str:
    low, high = 2**power // 2 + 1, 2**power
    return str(high) if low >= high else f"{low}–{high}"


def _bars_by_name(axes: Any, per_label: Mapping[str, int]) -> None:
    names = [name if len(name) <= 24 else name[:23] + "…" for name in per_label]
    bars = axes.barh(range(len(names)), list(per_label.values()), color=_BLUE)
    axes.bar_label(bars, [f"{count:,}" for count in per_label.values()], padding=3)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set(title=f"{len(names):,} label{'' if len(names) == 1 else 's'}", xlabel="photos")


def _tick_whole_numbers(axis: Any) -> None:
    """Set ticks in view: small whole numbers on a logarithmic axis else have one label or none."""
    low, high = axis.get_view_interval()
    ticks = whole_ticks(low, high)
    axis.set_ticks(ticks, [f"{each:,}" for each in ticks])
    axis.set_ticks([], minor=True)


def whole_ticks(low: float, high: float) -> list[int]:
    """Choose whole numbers for a logarithmic axis: 1, 2, 5, 10, ...

    Of many only 1, 10, 100; of few in equal steps.
    """
    ticks = [
        each * 10**power
        for power in range(8)
        for each in (1, 2, 5)
        if low <= each * 10**power <= high
    ]
    if len(ticks) > _MANY_TICKS:
        return [each for each in ticks if str(each)[0] == "1"]
    if len(ticks) >= _FEW_TICKS:
        return ticks
    first, last = math.ceil(low), math.floor(high)
    steps = (each * 10**power for power in range(8) for each in (1, 2, 5))
    step = next(step for step in steps if last // step - (first - 1) // step <= _MOST_EQUAL_STEPS)
    return [each for each in range(first, last + 1) if each % step == 0]


def draw_species(species: Mapping[str, tuple[int, int]], path: Path) -> None:
    """Draw the photos and labels of the most photographed species."""
    most = list(species.items())[:20]
    at = np.arange(len(most))
    with figure(
        path, width_inches=_WHOLE_WIDTH, height_inches=max(_HEIGHT, 0.4 * len(most) + 1.5)
    ) as (axes,):
        for place, (kind, colour) in enumerate((("photos", _BLUE), ("labels", _GREY))):
            counts = [each[place] for _, each in most]
            bars = axes.barh(at + 0.4 * place - 0.2, counts, 0.38, color=colour, label=kind)
            axes.bar_label(bars, [f"{count:,}" for count in counts], padding=3, fontsize=10)
        axes.set_yticks(at, [name for name, _ in most])
        axes.invert_yaxis()
        axes.margins(x=0.12)
        axes.set(title=f"{len(species):,} species", xlabel="photos, labels")
        axes.legend(loc="lower right")


def draw_time(time: TimeCoverage, path: Path) -> None:
    """Draw photos by year, and by month of all years together."""
    dated = time.by_label + time.by_file
    with figure(path, columns=2, width_inches=_WIDTH, height_inches=_HEIGHT) as (years, months):
        years.bar(list(time.per_year), list(time.per_year.values()), color=_BLUE)
        years.set(
            title=f"{dated:,} photos, {time.first} to {time.last}", xlabel="year", ylabel="photos"
        )
        first, last = min(time.per_year), max(time.per_year)
        years.set_xticks(range(first, last + 1, 1 + (last - first) // 6))
        months.bar(
            range(1, 13), [time.per_month.get(month, 0) for month in range(1, 13)], color=_BLUE
        )
        months.set(title="all years together", xlabel="month", ylabel="photos")
        months.set_xticks(range(1, 13), _MONTHS, rotation=45)
        for axes in (years, months):
            axes.yaxis.get_major_locator().set_params(integer=True)


def draw_tones(found: Exploration, path: Path) -> None:
    """Draw the mean photo's shares of each channel value, with mean and standard deviation."""
    with figure(path, width_inches=_WHOLE_WIDTH, height_inches=_HEIGHT) as (axes,):
        means, deviations = 255 * found.channel_means, 255 * found.channel_deviations
        for at, (name, colour, style) in enumerate(_CHANNELS):
            text = f"{name}: mean {means[at]:.1f}, standard deviation {deviations[at]:.1f}"
            axes.plot(range(256), 100 * found.tones[at], color=colour, linestyle=style, label=text)
        highest = 100 * float(
            np.sort(found.tones, axis=None)[-7]
        )  # black and white edges may tower over all else
        axes.set(
            title=f"Tones of {len(found.photos) - len(found.unread):,} photos, each counted alike",
            xlabel="value of a pixel's channel (0 is black, 255 full)",
            ylabel="share of the pixels (%)",
            xlim=(0, 255),
            ylim=(0, 1.15 * highest),
        )
        axes.legend(loc="best", fontsize=11)


def draw_sizes(sizes_px: Mapping[tuple[int, int], int], path: Path) -> None:
    """Draw widths against heights, a dot a size, the larger the more photos have it."""
    widths, heights = zip(*sizes_px, strict=True)
    counts = np.array(list(sizes_px.values()))
    with figure(path, width_inches=_WHOLE_WIDTH, height_inches=1.2 * _HEIGHT) as (axes,):
        axes.scatter(
            widths, heights, 12 + 400 * counts / counts.max(), color=_BLUE, alpha=0.3, linewidths=0
        )
        low, high = min(*widths, *heights) / 10, 10 * max(*widths, *heights)
        for aspect, style in ((1, "-"), (2, "--"), (4, ":")):
            text = f"{aspect} : 1 (width : height)"
            axes.plot(
                [low, high],
                [low / aspect, high / aspect],
                style,
                color=_GREY,
                linewidth=1.5,
                label=text,
            )
        axes.set(
            title=f"{len(sizes_px):,} sizes of {counts.sum():,} photos",
            xlabel="width (px)",
            ylabel="height (px)",
        )
        if max(*widths, *heights) > _WIDE_SPAN * min(*widths, *heights):
            axes.set(xscale="log", yscale="log")
        axes.set(
            xlim=(min(widths) / 1.25, 1.25 * max(widths)),
            ylim=(min(heights) / 1.25, 1.25 * max(heights)),
        )
        if axes.get_xscale() == "log":
            _tick_whole_numbers(axes.xaxis)
            _tick_whole_numbers(axes.yaxis)
        axes.legend(loc="best", fontsize=11)
