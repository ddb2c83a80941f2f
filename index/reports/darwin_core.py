"""Sightings as a Darwin Core Archive, as GBIF and OBIS take it: occurrence.csv, meta.xml, eml.xml.

Terms are those of https://dwc.tdwg.org/terms; the archive is described by
https://dwc.tdwg.org/text; eml.xml follows EML 2.1.1 as GBIF's metadata profile uses it.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape, quoteattr

from index.catalogue.life_history import LifeHistories
from index.labels.csv_text import csv_text
from index.sightings.disclosure import Places, disclose
from index.sightings.reading import Sighting
from index.sightings.season import Season

_DWC = "http://rs.tdwg.org/dwc/terms/"
TERMS = (
    "occurrenceID",
    "basisOfRecord",
    "occurrenceStatus",
    "scientificName",
    "vernacularName",
    "organismID",
    "individualCount",
    "sex",
    "lifeStage",
    "eventID",
    "eventDate",
    "higherGeography",
    "locality",
    "decimalLatitude",
    "decimalLongitude",
    "geodeticDatum",
    "coordinateUncertaintyInMeters",
    "dataGeneralizations",
    "recordedBy",
    "samplingProtocol",
    "datasetName",
)
SCIENTIFIC_NAMES = {
    "beluga": "Delphinapterus leucas",
    "blue whale": "Balaenoptera musculus",
    "bottlenose dolphin": "Tursiops truncatus",
    "brydes whale": "Balaenoptera edeni",
    "commersons dolphin": "Cephalorhynchus commersonii",
    "common dolphin": "Delphinus delphis",
    "cuviers beaked whale": "Ziphius cavirostris",
    "false killer whale": "Pseudorca crassidens",
    "fin whale": "Balaenoptera physalus",
    "gray whale": "Eschrichtius robustus",
    "humpback whale": "Megaptera novaeangliae",
    "killer whale": "Orcinus orca",
    "melon headed whale": "Peponocephala electra",
    "minke whale": "Balaenoptera acutorostrata",
    "north atlantic right whale": "Eubalaena glacialis",
    "pygmy killer whale": "Feresa attenuata",
    "rough toothed dolphin": "Steno bredanensis",
    "sei whale": "Balaenoptera borealis",
    "southern right whale": "Eubalaena australis",
    "sperm whale": "Physeter macrocephalus",
    "spinner dolphin": "Stenella longirostris",
    "whale shark": "Rhincodon typus",
}
_COARSE = "Coordinates moved to the middle of a grid cell; the exact place is withheld."
_SEXES = {"f": "female", "m": "male"}


def darwin_core_zip(
    season: Season, lives: LifeHistories, places: Places, *, title: str, created: str
) -> bytes:
    """Make the archive; `created` is an ISO 8601 date or time. The same input gives the same zip.

    `scientificName` is the species as the catalogue writes it, with spaces for underscores; an
    English name in SCIENTIFIC_NAMES becomes `vernacularName`, beside the scientific one.
    """
    rows = [_occurrence(one, lives, places, title) for one in season.sightings]
    files = {
        "occurrence.csv": csv_text(TERMS, rows),
        "meta.xml": _meta(),
        "eml.xml": _eml(season.sightings, title, created),
    }
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name)  # with no time: the same input is the same file
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text.encode(), zipfile.ZIP_DEFLATED)
    return data.getvalue()


def _occurrence(
    one: Sighting, lives: LifeHistories, places: Places, title: str
) -> Mapping[str, object]:
    where = disclose(one, places)
    common = (one.species or "").replace("_", " ").strip()
    life_stage = lives.of_individual(one.individual).age_class if one.individual else None
    row: dict[str, object] = {
        "occurrenceID": _occurrence_id(one),
        "basisOfRecord": "HumanObservation",
        "occurrenceStatus": "present",
        "scientificName": SCIENTIFIC_NAMES.get(common, common.capitalize()),
        "vernacularName": common if common in SCIENTIFIC_NAMES else "",
        "organismID": one.individual or "",
        "individualCount": 1,
        "sex": _SEXES.get(one.sex or "", one.sex or ""),
        "lifeStage": life_stage or "",
        "eventID": one.encounter or "",
        "eventDate": one.at or "",
        "higherGeography": one.region or "",
        "locality": where.place or "",
        "recordedBy": one.observer or "",
        "samplingProtocol": "photo-identification",
        "datasetName": title,
    }
    if where.position is not None:
        row |= {
            "decimalLatitude": where.position.latitude,
            "decimalLongitude": where.position.longitude,
            "geodeticDatum": "EPSG:4326",
        }
    if where.uncertainty_m is not None:
        row |= {
            "coordinateUncertaintyInMeters": where.uncertainty_m,
            "dataGeneralizations": _COARSE,
        }
    return row


def _occurrence_id(one: Sighting) -> str:
    """An id that stays the same from one report to the next: by encounter, else by first photo."""
    if one.encounter_key is not None:
        return f"flukeprint:encounter:{one.encounter_key}"
    return f"flukeprint:photo:{one.photos[0]}"


def _meta() -> str:
    fields = "\n".join(
        f'    <field index="{at}" term={quoteattr(_DWC + term)}/>' for at, term in enumerate(TERMS)
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<archive xmlns="http://rs.tdwg.org/dwc/text/" metadata="eml.xml">
  <core encoding="UTF-8" fieldsTerminatedBy="," linesTerminatedBy="\\n" fieldsEnclosedBy="&quot;" \
ignoreHeaderLines="1" rowType="{_DWC}Occurrence">
    <files>
      <location>occurrence.csv</location>
    </files>
    <id index="0"/>
{fields}
  </core>
</archive>
"""


def _eml(sightings: Sequence[Sighting], title: str, created: str) -> str:
    times = [one.at for one in sightings if one.at]
    coverage = ""
    if times:
        first, last = times[0][:10], max(times)[:10]
        coverage = f"""
    <coverage>
      <temporalCoverage>
        <rangeOfDates>
          <beginDate><calendarDate>{first}</calendarDate></beginDate>
          <endDate><calendarDate>{last}</calendarDate></endDate>
        </rangeOfDates>
      </temporalCoverage>
    </coverage>"""
    party = "<organizationName>the catalogue's curators</organizationName>"
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<eml:eml xmlns:eml="eml://ecoinformatics.org/eml-2.1.1" packageId="flukeprint-{escape(created)}" \
system="flukeprint" xml:lang="en">
  <dataset>
    <title xml:lang="en">{escape(title)}</title>
    <creator>{party}</creator>
    <pubDate>{escape(created[:10])}</pubDate>
    <language>en</language>
    <abstract><para>Sightings of animals that were identified by photographs of their natural \
markings.</para></abstract>{coverage}
    <contact>{party}</contact>
  </dataset>
</eml:eml>
"""
