"""The Helm chart renders objects that Kubernetes takes, and refuses values that make no sense."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from service.settings import Settings
from tests.deploy.chart import CHART, faults, helm, helm_program, rendered

pytestmark = pytest.mark.heavy
_BY_THE_CHART = {"config", "catalogue", "files", "host", "port", "trusted_proxies"}
_SECRET = {"notice_secret", "notice_smtp"}
VARIANTS: dict[str, dict[str, Any]] = {
    "as it comes": {},
    "one replica": {"replicas": 1, "files": {"accessMode": "ReadWriteOnce", "storageClass": "x"}},
    "gpu": {"image": {"tag": "gpu"}, "gpu": {"enabled": True}, "settings": {"max_wait_ms": 3}},
    "autoscaling": {
        "autoscaling": {"enabled": True, "maxReplicas": 9},
        "files": {"existingClaim": "photos"},
    },
    "everything": {
        "image": {"pullSecrets": ["registry"]},
        "ingress": {
            "enabled": True,
            "className": "nginx",
            "annotations": {"nginx.ingress.kubernetes.io/proxy-body-size": "4g"},
        },
        "settings": {"max_upload_bytes": 100_000_000, "notice_places": True, "log_format": "text"},
        "secretSettings": {"notice_smtp": {"name": "mail", "key": "url"}},
        "networkPolicy": {"from": [{"namespaceSelector": {"matchLabels": {"name": "ingress"}}}]},
        "backup": {"enabled": True, "claim": "backups"},
        "tracing": {"endpoint": "http://collector:4318"},
        "nodeSelector": {"disk": "ssd"},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
    },
}


@pytest.fixture(scope="module")
def program() -> str:
    """Helm; the test skips where it or the schemas are absent."""
    found = helm_program()
    if found is None:
        pytest.skip("no helm is installed (make helm)")
    pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    return found


@pytest.mark.parametrize("variant", VARIANTS)
def test_kubernetes_takes_what_is_rendered(program: str, variant: str, tmp_path: Path) -> None:
    objects = rendered(program, VARIANTS[variant], tmp_path)
    assert {"Deployment", "Service", "ConfigMap"} <= {each["kind"] for each in objects}
    assert faults(objects) == []


def test_an_object_that_kubernetes_would_refuse_is_seen(program: str, tmp_path: Path) -> None:
    objects = rendered(program, {}, tmp_path)
    for each in objects:
        if each["kind"] == "Deployment":
            each["spec"]["replicas"] = "two"
        if each["kind"] == "Service":
            each["spec"]["port"] = each["spec"].pop("ports")
    found = faults(objects)
    assert [line for line in found if "Deployment: spec.replicas: 'two'" in line]
    assert [line for line in found if "Service: spec: " in line and "'port'" in line]


def by_kind(objects: list[Any]) -> dict[str, Any]:
    return {each["kind"]: each for each in objects}


def test_replicas_run_unprivileged_and_are_asked_at_the_real_paths(
    program: str, tmp_path: Path
) -> None:
    found = by_kind(rendered(program, {}, tmp_path))
    pod = found["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert found["Deployment"]["spec"]["replicas"] == 2
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    paths = {
        name: container[name]["httpGet"]["path"]
        for name in ("startupProbe", "readinessProbe", "livenessProbe")
    }
    assert paths == {
        "startupProbe": "/readyz",
        "readinessProbe": "/readyz",
        "livenessProbe": "/healthz",
    }
    assert container["startupProbe"]["failureThreshold"] == 120  # of 5 seconds each
    assert "PersistentVolumeClaim" in found and "PodDisruptionBudget" in found
    secrets = [one for one in container["env"] if "secretKeyRef" in one.get("valueFrom", {})]
    assert [one["name"] for one in secrets] == ["PGPASSWORD"]


def test_settings_become_variables_that_the_service_reads(program: str, tmp_path: Path) -> None:
    objects = rendered(program, VARIANTS["everything"], tmp_path)
    data = by_kind(objects)["ConfigMap"]["data"]
    assert data["FLUKEPRINT_MAX_UPLOAD_BYTES"] == "100000000"
    assert data["FLUKEPRINT_NOTICE_PLACES"] == "true"
    own = {name for name in data if name.startswith("FLUKEPRINT_")}
    assert own <= {f"FLUKEPRINT_{name.upper()}" for name in Settings.model_fields}
    # The service itself takes them.
    read = {name.removeprefix("FLUKEPRINT_").lower(): data[name] for name in own}
    settings = Settings(**read)
    assert (settings.trusted_proxies, settings.max_upload_bytes) == ("10.0.0.0/8", 100_000_000)
    assert data["OTEL_EXPORTER_OTLP_ENDPOINT"] == "http://collector:4318"
    jobs = {each["metadata"]["name"] for each in objects if each["kind"] in ("Job", "CronJob")}
    assert jobs == {
        "lab-flukeprint-first-admin",
        "lab-flukeprint-upgrade",
        "lab-flukeprint-backup",
    }


def test_a_gpu_and_autoscaling(program: str, tmp_path: Path) -> None:
    gpu = by_kind(rendered(program, VARIANTS["gpu"], tmp_path))
    (container,) = gpu["Deployment"]["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == 1
    assert gpu["ConfigMap"]["data"]["FLUKEPRINT_DEVICE"] == "cuda"
    scaled = by_kind(rendered(program, VARIANTS["autoscaling"], tmp_path))
    assert "replicas" not in scaled["Deployment"]["spec"]
    assert scaled["HorizontalPodAutoscaler"]["spec"]["maxReplicas"] == 9
    assert "PersistentVolumeClaim" not in scaled


def test_the_first_administrator_is_invited_once(program: str, tmp_path: Path) -> None:
    again = rendered(program, {}, tmp_path, "--is-upgrade")
    names = {each["metadata"]["name"] for each in again}
    assert "lab-flukeprint-first-admin" not in names


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"replica": 3}, "additional properties 'replica' not allowed"),
        ({"replicas": 0}, "minimum: got 0, want 1"),
        ({"settings": {"max_photo": 3}}, "additional properties 'max_photo' not allowed"),
        ({"catalogue": {"url": "catalogue.db"}}, "does not match pattern"),
        ({"catalogue": {"url": "postgresql://a:secret@db/whales"}}, "does not match pattern"),
        ({"files": {"accessMode": "ReadWriteOnce"}}, "up to 2 replicas share the files"),
        ({"gpu": {"enabled": True}}, "needs the image built with FAISS=gpu"),
        ({"backup": {"enabled": True}}, "backup.enabled needs backup.claim"),
        (
            {"autoscaling": {"enabled": True, "minReplicas": 8}},
            "autoscaling.minReplicas is 8, more than autoscaling.maxReplicas, 6",
        ),
        ({"trustedProxies": "*"}, "does not match pattern"),
    ],
)
def test_values_that_make_no_sense_are_refused(
    program: str, values: dict[str, Any], said: str, tmp_path: Path
) -> None:
    given = tmp_path / "values.json"
    given.write_text(json.dumps(values), encoding="utf-8")
    done = helm(program, "template", "lab", str(CHART), "--values", str(given))
    assert done.returncode != 0
    assert said in done.stderr


def test_the_schema_knows_every_setting_and_every_default() -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    schema = json.loads((CHART / "values.schema.json").read_text("utf-8"))
    values = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
    settings = set(schema["properties"]["settings"]["properties"])
    assert settings == set(Settings.model_fields) - _BY_THE_CHART - _SECRET
    assert set(schema["properties"]["secretSettings"]["properties"]) == _SECRET
    assert defaults_of(schema) == values


def defaults_of(schema: dict[str, Any]) -> Any:
    """The values that a schema's defaults make, without `global`, which is helm's own."""
    if "default" in schema:
        return schema["default"]
    return {
        name: defaults_of(each) for name, each in schema["properties"].items() if name != "global"
    }
