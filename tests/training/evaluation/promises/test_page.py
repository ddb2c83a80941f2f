"""training/evaluation/promises/page.py: figures as rows of tables."""

from __future__ import annotations

from typing import Any

from training.evaluation.promises.page import markdown_of

FIGURES: dict[str, Any] = {
    "rates": [
        {
            "individuals": 2346,
            "promised": 0.05,
            "absent": 0.045,
            "new_whales": None,
            "missed": 0.125,
            "is_refused": False,
            "smallest": None,
        },
        {
            "individuals": 300,
            "promised": 0.01,
            "absent": None,
            "new_whales": None,
            "missed": None,
            "is_refused": True,
            "smallest": 0.0139,
        },
    ],
    "small": [
        {"individuals": 5, "promised": 0.3, "measured": 0.15, "refused": 2, "draws": 50},
        {"individuals": 5, "promised": 0.01, "measured": None, "refused": 50, "draws": 50},
    ],
    "shares": [
        {
            "share": 0.8,
            "unset": {"error": 0.12},
            "set": {"error": 0.02, "chance": {"mean": 0.014, "within": 0.019}},
            "estimated": {"error": 0.025},
            "estimate": {"share": 0.78, "low": 0.71, "high": 0.85, "queries": 400},
        }
    ],
    "bursts": {"facts": {"error": 0.03}, "blind": {"error": 0.45}},
    "encounters": [
        {
            "calibration": "own",
            "promised": 0.05,
            "absent": 0.04,
            "found": 0.75,
            "absent_queries": 100,
            "known_queries": 400,
        }
    ],
    "species": [
        {"species": "fin", "catalogue": "own", "promised": 0.05, "absent": None, "refused": None}
    ],
}


def test_rows_say_shares_and_what_was_refused() -> None:
    lines = markdown_of(FIGURES, "herd").splitlines()
    assert "| 2,346 | .050 | .045 (0.90) | - | .125 |" in lines
    assert "| 300 | .010 | refused: at least .014 | refused: at least .014 | - |" in lines
    assert "| 5 | .300 | 0.50 | 2 of 50 |" in lines
    assert "| 5 | .010 | - | 50 of 50 |" in lines
    assert "| .8 | .120 | .020 | .025 | .78 (.71-.85) | .014 (.019) |" in lines
    assert "| the encounters | .030 |" in lines and "| nothing of them | .450 |" in lines
    assert "| that of three photos | .050 | .040 of 100 | .750 of 400 |" in lines
    assert "| fin | all species, each its own calibration | .050 | - | - |" in lines
