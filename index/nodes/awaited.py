"""Photos that were given to a cluster, and its answers with their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from index.labels.labelled_photo import LabelledPhoto
from index.nodes.node import NodeAnswer, OrderedPhoto
from index.nodes.places import BadRayCluster, PhotoPlaces
from index.photos.embed import EmbeddedPhoto, UnreadPhoto, settled_time


class AwaitedPhotos:
    """Photos by their numbers, and what of them is still to come."""

    def __init__(self, photos: Sequence[LabelledPhoto], places: PhotoPlaces) -> None:
        self._photos = photos
        self._places = [places.of_photo(photo.path) for photo in photos]
        self._left = set(range(len(photos)))
        self._has_fetched = False
        # Asked before they are read elsewhere, as for photos that are read here.
        self._times = {
            number: settled_time(photo.path)
            for number, photo in enumerate(photos)
            if self._places[number].whole != photo.path
        }

    def ordered(self) -> list[OrderedPhoto]:
        """The photos as nodes get them: without names, animals and places of sightings."""
        return [
            OrderedPhoto(number, place, photo.box)
            for number, (photo, place) in enumerate(zip(self._photos, self._places, strict=True))
        ]

    def take(self, answer: NodeAnswer) -> list[EmbeddedPhoto | UnreadPhoto]:
        """The photos of an answer with their labels. Raises BadRayCluster."""
        if answer.fault:
            raise BadRayCluster(f"the node {answer.node} {answer.fault}")
        numbers = [int(each.photo.name) for each in answer.photos]
        self._refuse_outage(answer, numbers)
        self._left.difference_update(numbers)
        return [
            self._with_label(number, each)
            for number, each in zip(numbers, answer.photos, strict=True)
        ]

    def check_whole(self) -> None:
        """Raise BadRayCluster where photos have had no answer."""
        if self._left:
            raise BadRayCluster(
                f"{len(self._left):,} of {len(self._photos):,} photos had no answer from the "
                "cluster; give the same command again, which goes on with those"
            )

    def _with_label(
        self, number: int, each: EmbeddedPhoto | UnreadPhoto
    ) -> EmbeddedPhoto | UnreadPhoto:
        photo = self._photos[number]
        if isinstance(each, UnreadPhoto):
            name = str(self._places[number].whole)
            reason = each.reason
            if reason.startswith(name):
                reason = f"{photo.path}{reason.removeprefix(name)}"
            return UnreadPhoto(photo, reason)
        file = each.file
        if number in self._times:
            size_bytes, mtime_ns = self._times[number]
            file = replace(file, mtime_ns=mtime_ns if size_bytes == file.size_bytes else None)
        return replace(each, photo=photo, file=file)

    def _refuse_outage(self, answer: NodeAnswer, numbers: Sequence[int]) -> None:
        """Refuse an answer without one photo that was fetched, which tells of no single photo.

        The photos are there, and the node doesn't see the folder; or a store is down. Photos that
        lack here too are another matter, and so is a single one after others were fetched.
        """
        if len(answer.not_fetched) < len(numbers):
            self._has_fetched = True
            return
        first = self._photos[numbers[0]].path
        if (answer.is_outage or first.exists()) and (len(numbers) > 1 or not self._has_fetched):
            unread = answer.photos[0]
            reason = unread.reason if isinstance(unread, UnreadPhoto) else ""
            raise BadRayCluster(
                f"the node {answer.node} could get at none of {len(numbers):,} photos, such as "
                f"{first} ({reason}): give the nodes that folder at the same path, or say by "
                "--nodes-read FOLDER=PLACE where they find it"
            )
