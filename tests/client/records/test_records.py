"""The records are what the service documents: whatever it always answers, they hold, and they ask
for no more.
"""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

import pytest

from client.errors import Fault, Problem
from client.records import catalogue, photos, season, service
from service.app import create_app
from service.settings import Settings

# The record and the schema of the service that it reads.
PAIRS = {
    photos.Match: "RankedMatch",
    photos.SpeciesAnswer: "PhotoSpecies",
    photos.PhotoAnswer: "PhotoAnswer",
    photos.EncounterAnswer: "EncounterAnswer",
    photos.Thresholds: "DecidingDistances",
    photos.TimingsMs: "TimingsMs",
    photos.Identification: "IdentifyAnswer",
    photos.ComparedPhoto: "ComparedPhoto",
    photos.VerificationResult: "VerifiedPhoto",
    photos.Verification: "VerifyAnswer",
    photos.EmbeddedPhoto: "EmbeddedPhoto",
    photos.Embedding: "EmbedAnswer",
    catalogue.Event: "EventAnswer",
    catalogue.Individual: "IndividualAnswer",
    catalogue.NextId: "NextId",
    catalogue.Encounter: "EncounterCard",
    catalogue.CataloguedPhoto: "CataloguedPhoto",
    catalogue.SkippedPhoto: "SkippedPhoto",
    catalogue.Intake: "TakenIn",
    catalogue.Change: "ChangeAnswer",
    catalogue.MergeSuggestion: "MergeSuggestion",
    catalogue.Cluster: "ClusterAnswer",
    catalogue.PairedIndividuals: "PairedIndividuals",
    catalogue.PairedPhoto: "PairedPhotoAnswer",
    catalogue.PhotoPair: "PhotoPair",
    catalogue.Heat: "HeatAnswer",
    catalogue.PairHeat: "PairHeatAnswer",
    season.Position: "PositionAnswer",
    season.Sighting: "SightingAnswer",
    season.SightingSummary: "SummaryAnswer",
    season.UnknownGroup: "UnknownGroup",
    season.UnknownPhoto: "UnknownPhoto",
    service.Job: "Job",
    service.JobFault: "JobError",
    service.ReportRow: "ReportRow",
    service.TablePreview: "TablePreview",
    service.RatesAt: "RatesAt",
    service.HistogramBin: "HistogramBin",
    service.Calibration: "CalibrationAnswer",
    service.Stats: "Stats",
    service.Version: "Version",
    service.Ready: "Ready",
    Problem: "Problem",
    Fault: "Fault",
}
OF_HEADERS = {"etag"}


@pytest.fixture(scope="module")
def schemas() -> dict[str, Any]:
    def load() -> Any:
        raise RuntimeError("only read, never started")

    return create_app(Settings.model_construct(), load).openapi()["components"]["schemas"]


@pytest.mark.parametrize("record", PAIRS, ids=lambda record: record.__name__)
def test_a_record_has_the_fields_of_the_service(record: type[Any], schemas: dict[str, Any]) -> None:
    schema = schemas[PAIRS[record]]
    properties = set(schema["properties"])
    held = {field.name: field for field in fields(record)}
    assert properties - set(held) == set()
    assert set(held) - properties - OF_HEADERS <= (
        {"photo"} if record is photos.VerificationResult else set()
    )
    needed = {
        name
        for name, one in held.items()
        if one.default is MISSING and one.default_factory is MISSING
    }
    always = set(schema.get("required", ())) | {
        name for name in properties if "const" in schema["properties"][name]
    }
    assert needed - always == set()


def test_an_encounter_is_verified_in_the_same_words(schemas: dict[str, Any]) -> None:
    assert set(schemas["VerifiedEncounter"]["properties"]) | {"photo"} == {
        one.name for one in fields(photos.VerificationResult)
    }
