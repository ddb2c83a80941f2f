"""The records are what the service documents: whatever it always answers, they hold, and they ask for no more."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import Any

import pytest

from client import answers, catalogue_answers, service_answers
from client.errors import Fault, Problem
from service.app import create_app
from service.settings import Settings

# The record and the schema of the service that it reads.
PAIRS = {
    answers.Match: "RankedMatch",
    answers.SpeciesAnswer: "PhotoSpecies",
    answers.PhotoAnswer: "PhotoAnswer",
    answers.EncounterAnswer: "EncounterAnswer",
    answers.Thresholds: "DecidingDistances",
    answers.TimingsMs: "TimingsMs",
    answers.Identification: "IdentifyAnswer",
    answers.ComparedPhoto: "ComparedPhoto",
    answers.Verified: "VerifiedPhoto",
    answers.Verification: "VerifyAnswer",
    answers.EmbeddedPhoto: "EmbeddedPhoto",
    answers.Embedding: "EmbedAnswer",
    catalogue_answers.Event: "EventAnswer",
    catalogue_answers.Individual: "IndividualAnswer",
    catalogue_answers.NextId: "NextId",
    catalogue_answers.Encounter: "EncounterCard",
    catalogue_answers.CataloguedPhoto: "CataloguedPhoto",
    catalogue_answers.SkippedPhoto: "SkippedPhoto",
    catalogue_answers.TakenIn: "TakenIn",
    catalogue_answers.Change: "ChangeAnswer",
    catalogue_answers.MergeSuggestion: "MergeSuggestion",
    catalogue_answers.Cluster: "ClusterAnswer",
    service_answers.Job: "Job",
    service_answers.JobFault: "JobError",
    service_answers.ReportRow: "ReportRow",
    service_answers.RatesAt: "RatesAt",
    service_answers.HistogramBin: "HistogramBin",
    service_answers.Calibration: "CalibrationAnswer",
    service_answers.Stats: "Stats",
    service_answers.Version: "Version",
    service_answers.Ready: "Ready",
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
def test_a_record_holds_what_the_service_tells(record: type[Any], schemas: dict[str, Any]) -> None:
    schema = schemas[PAIRS[record]]
    told = set(schema["properties"])
    held = {field.name: field for field in fields(record)}
    assert told - set(held) == set()
    assert set(held) - told - OF_HEADERS <= ({"photo"} if record is answers.Verified else set())
    needed = {name for name, one in held.items() if one.default is MISSING and one.default_factory is MISSING}
    always = set(schema.get("required", ())) | {name for name in told if "const" in schema["properties"][name]}
    assert needed - always == set()


def test_an_encounter_is_verified_in_the_same_words(schemas: dict[str, Any]) -> None:
    assert set(schemas["VerifiedEncounter"]["properties"]) | {"photo"} == {one.name for one in fields(answers.Verified)}
