"""Blocks are found, run in their order, and a failing one is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.house.fenced_blocks import INSTEAD, Block, blocks_of, walk_through


def test_blocks_are_found_with_their_replacements() -> None:
    text = "Say:\n```sh\ncurl http://127.0.0.1:8000/x\n```\nand\n```python\nprint(1)\n```\n"
    assert blocks_of(text, INSTEAD, 77) == [
        Block("sh", "curl http://127.0.0.1:8000/x\n", "curl http://127.0.0.1:77/x\n"),
        Block("python", "print(1)\n", "print(1)\n"),
    ]


def test_blocks_run_in_order_in_the_folder(tmp_path: Path) -> None:
    blocks = [
        Block("sh", "a", "echo 7 > seven"),
        Block("python", "b", "print(open('seven').read())"),
    ]
    assert walk_through(blocks, tmp_path, 0).printed == {"a": "", "b": "7\n\n"}


@pytest.mark.parametrize("block", [Block("sh", "x", "false\ntrue"), Block("python", "x", "1 / 0")])
def test_a_failing_block_is_seen(tmp_path: Path, block: Block) -> None:
    with pytest.raises(pytest.fail.Exception, match="exit code 1 of"):
        walk_through([block], tmp_path, 0)
