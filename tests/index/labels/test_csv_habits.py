"""Label files as spreadsheet programs save them: separators, encodings, titles."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from index.labels.reader import BadLabels, read_labels, read_rows
from index.labels.synonyms import read_same_animals
from tests.index.labels.reading import individuals, read

TWO = {"a.jpg": "w_1", "b.jpg": "Niño"}


@pytest.mark.parametrize(
    "text",
    [
        "image;label;position (lat, lon, depth)\na.jpg;w_1;44,1\nb.jpg;Niño;44,1\n",
        'image,label,"a;b;c;d"\na.jpg,w_1,x\nb.jpg,Niño,x\n',
        "sep=;\r\nimage;label\r\na.jpg;w_1\r\nb.jpg;Niño\r\n",
        "\ufeffsep=\t\r\nimage\tlabel\r\na.jpg\tw_1\r\nb.jpg\tNiño\r\n",
        "individual;photographers, all of them, in order;image\nw_1;;a.jpg\nNiño;;b.jpg\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_the_columns_are_found_whatever_the_separator(
    photos: Path, text: str, encoding: str
) -> None:
    assert individuals(read(photos, text.encode(encoding))) == TWO


def test_a_title_above_the_header_is_told(photos: Path) -> None:
    expected = r"the header 'image,label' stands in line 2; take out what is above it"
    with pytest.raises(BadLabels, match=expected):
        read(photos, "Whale catalogue 2021,\nimage,label\na.jpg,w_1\n")


def test_windows_1252_is_told_with_the_line(photos: Path) -> None:
    expected = r"`CSV UTF-8`\)\. Read as Windows-1252.* line 2 would be 'a\.jpg;Niño'"
    with pytest.raises(BadLabels, match=expected):
        read(photos, "image;label\r\na.jpg;Niño\r\n".encode("cp1252"))


@pytest.mark.parametrize("name", ["labels.ods", "labels.csv", "labels.json"])
def test_a_spreadsheet_is_told_whatever_its_name(photos: Path, name: str) -> None:
    with zipfile.ZipFile(photos.parent / name, "w") as made:
        made.writestr("content.xml", "<office/>")
    for reading in (read_labels, read_rows):
        with pytest.raises(BadLabels, match=r"is a spreadsheet of a kind that isn't read;"):
            reading(photos.parent / name, photos)


def test_lists_of_same_animals_are_read_with_any_separator(tmp_path: Path) -> None:
    path = tmp_path / "same.csv"
    path.write_bytes("sep=;\nId;SubId;seen by a, b, c\nw_1;w_2 w_3;x\n".encode("utf-16"))
    assert read_same_animals(path) == [{"w_2", "w_3"}]
