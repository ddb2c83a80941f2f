"""The coastline is where it is, and a map gets no more of it than it shows."""

from __future__ import annotations

from index.places.coastline import COASTLINE_FILE, Bounds, Point, land_within


def is_land(longitude: float, latitude: float, rings: list[list[Point]]) -> bool:
    """By the even-odd rule: how often a ray to the east crosses a coast."""
    crossings = 0
    for ring in rings:
        for (x, y), (other_x, other_y) in zip(ring, [*ring[1:], ring[0]], strict=True):
            if (y > latitude) != (other_y > latitude):
                crossings += longitude < x + (latitude - y) / (other_y - y) * (other_x - x)
    return crossings % 2 == 1


def test_land_is_land_and_sea_is_sea() -> None:
    world = land_within(Bounds(-180, -90, 180, 90))
    for longitude, latitude in ((-71.5, 42.4), (134, -25), (-19, 65), (25, 0), (-60, -10)):
        assert is_land(longitude, latitude, world), (longitude, latitude)
    for longitude, latitude in ((-70.3, 42.4), (-30, 40), (150, 20), (80, -20), (51, 41)):
        assert not is_land(longitude, latitude, world), (longitude, latitude)


def test_a_map_gets_what_it_shows_also_across_the_date_line() -> None:
    bounds = Bounds(-71, 41, -69, 43)
    part = land_within(bounds)
    assert part
    for ring in part:
        for longitude, latitude in ring:
            assert bounds.west <= longitude <= bounds.east
            assert bounds.south <= latitude <= bounds.north
    assert land_within(Bounds(-40, 35, -38, 37)) == []
    both_sides = land_within(Bounds(170, 50, 200, 70))
    assert is_land(198, 65, both_sides)  # 162 degrees west


def test_no_coast_runs_across_the_world() -> None:
    """Drawn without a cut, as the page does, a line between the date line's sides would show."""
    world = land_within(Bounds(-540, -90, 540, 90))
    for ring in world:
        for (x, y), (other_x, _) in zip(ring, [*ring[1:], ring[0]], strict=True):
            assert abs(x - other_x) < 30 or y == -90, (x, y, other_x)
    for longitude, latitude in ((179, 67), (-175, 66.5), (180, 71.2), (0, -89), (180, -86)):
        assert is_land(longitude, latitude, world), (longitude, latitude)
    for longitude, latitude in ((180, 75), (180, 60), (-150, 72), (100, 80)):
        assert not is_land(longitude, latitude, world), (longitude, latitude)


def test_the_file_is_small() -> None:
    assert COASTLINE_FILE.stat().st_size < 300_000
