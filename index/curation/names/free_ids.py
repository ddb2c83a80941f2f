"""The next free id of individuals: one more than the greatest of those that look like it."""

from __future__ import annotations

import bisect
from collections import Counter
from collections.abc import Iterable, Mapping


class _Numbers:
    """The last digits of names that begin equally: as numbers, ascending, and how many digits."""

    def __init__(self) -> None:
        self.ascending = list[int]()
        self.widths = Counter[int]()


class FreeIds:
    """Names, and the ids that are free after them. A name more or less costs no look at all."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._by_prefix: dict[str, _Numbers] = {}
        for name in names:
            self.add(name)

    def add(self, name: str) -> None:
        """Note a name; one that is noted twice has to be removed twice."""
        prefix, number = _split_number(name)
        if number:
            own = self._by_prefix.setdefault(prefix, _Numbers())
            bisect.insort(own.ascending, int(number))
            own.widths[len(number)] += 1

    def remove(self, name: str) -> None:
        """Forget a name that was added."""
        prefix, number = _split_number(name)
        if number:
            own = self._by_prefix[prefix]
            del own.ascending[bisect.bisect_left(own.ascending, int(number))]
            own.widths[len(number)] -= 1
            if not own.ascending:
                del self._by_prefix[prefix]

    def next(self, pattern: str | None = None) -> str:
        """The id after the greatest of the names that differ from `pattern` in their last digits.

        None: like the ids that most individuals have, `w_0001` where none has a number.
        """
        if pattern is None:
            counts = {prefix: len(own.ascending) for prefix, own in self._by_prefix.items()}
            prefix = most_frequent(counts, "w_")
            own = self._by_prefix.get(prefix)
            width = min(+own.widths) if own else 4
        else:
            prefix, number = _split_number(pattern)
            own = self._by_prefix.get(prefix)
            width = len(number) or 4
        return f"{prefix}{(own.ascending[-1] if own else 0) + 1:0{width}}"


def most_frequent(counts: Mapping[str, int], otherwise: str) -> str:
    """The text that comes most often; of several that come equally often the first in order."""
    return min(counts, key=lambda text: (-counts[text], text), default=otherwise)


def _split_number(name: str) -> tuple[str, str]:
    """A name in two: what comes before its last digits, and these; they are empty where none are.

    From the end: a pattern would try each run of digits inside a long name, each to its end.
    """
    end = len(name)
    while end and name[end - 1].isdecimal():
        end -= 1
    return name[:end], name[end:]
