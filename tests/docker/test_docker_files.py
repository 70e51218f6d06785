"""What a machine without a container engine can tell of the files in docker/."""

import configparser
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import compose_spec
import kubernetes_validate
import pytest
import yaml
from jsonschema import ValidationError
from ray.autoscaler._private.util import prepare_config, validate_config

ROOT = Path(__file__).parents[2]
TOOLS = Path(sys.executable).parent  # of this environment, which need not be on the path
DOCKER = ROOT / "docker"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINS = dict(re.findall(r"^([\w.-]+)==(.+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
IMAGE = f"evoact:{PROJECT['version']}"
DOCKERFILE = (DOCKER / "Dockerfile").read_text()
SCRIPTS = sorted([*DOCKER.glob("*.sh"), DOCKER / "slurm.sbatch"])


def compose() -> dict:
    """The compose file with the defaults of its variables."""
    text = re.sub(r"\$\{(\w+):-([^}]*)\}", r"\2", (DOCKER / "compose.yaml").read_text())
    assert "${" not in text, "a variable without a default"
    return yaml.safe_load(text)


COMPOSE = compose()
SERVICES = COMPOSE["services"]
CLAIM, JOB = yaml.safe_load_all((DOCKER / "kuberay.yaml").read_text())
CLUSTER = JOB["spec"]["rayClusterSpec"]
GROUPS = {"head": CLUSTER["headGroupSpec"]} | {
    group["groupName"]: group for group in CLUSTER["workerGroupSpecs"]
}
LAUNCHER = yaml.safe_load((DOCKER / "ray-cluster.yaml").read_text())


def test_every_file_is_known_to_these_tests():
    known = {"Dockerfile", "Dockerfile.dockerignore", "compose.yaml", "kuberay.yaml"}
    known |= {"ray-cluster.yaml", "mlflow-auth.ini", "healthcheck.py", "secrets"}
    assert {p.name for p in DOCKER.iterdir()} - {p.name for p in SCRIPTS} - known == set()


# The image


def test_the_dockerfile_passes_hadolint():
    run = subprocess.run(
        [TOOLS / "hadolint", DOCKER / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout


def test_the_image_is_pinned_and_not_root():
    assert "--constraint constraints.txt '.[cluster]'" in DOCKERFILE
    assert DOCKERFILE.rindex("USER 1000:1000") > DOCKERFILE.rindex("RUN ")
    assert "HEALTHCHECK" in DOCKERFILE
    version = re.search(r"^ARG PYTHON=(\d+\.\d+)", DOCKERFILE, re.MULTILINE)[1]
    assert PROJECT["requires-python"] == f">={version}"


def test_what_the_image_copies_exists_and_is_sent_to_its_build():
    ignored = (DOCKER / "Dockerfile.dockerignore").read_text().splitlines()
    copied = re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
    sources = {source for line in copied for source in line.split()[:-1]}
    assert all((ROOT / source).exists() for source in sources)
    assert {line[1:] for line in ignored if line.startswith("!")} == sources
    assert ignored[1] == "*"


def test_names_of_the_image_have_the_version_of_the_project():
    files = [p for p in DOCKER.iterdir() if p.is_file()]
    assert {tag for p in files for tag in re.findall(r"evoact:\d[\w.]*", p.read_text())} == {IMAGE}


def test_the_extra_of_the_image_is_pinned():
    names = [re.match(r"[\w-]+", spec)[0] for spec in PROJECT["optional-dependencies"]["cluster"]]
    assert {name.lower() for name in names} <= {name.lower() for name in PINS}


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda p: p.name)
def test_scripts_pass_shellcheck(script):
    run = subprocess.run(
        [TOOLS / "shellcheck", script], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout
    assert script.suffix == ".sbatch" or script.stat().st_mode & 0o111 == 0o111


# compose.yaml


def test_compose_follows_the_specification():
    parsed = compose_spec.PyCompose.from_json(json.dumps(COMPOSE))
    for kind in ("networks", "secrets", "volumes"):
        getattr(parsed, f"validate_{kind}")()


@pytest.mark.parametrize(
    ("service", "key", "value"), [("head", "portz", []), ("mlflow", "ports", ["nonsense"])]
)
def test_a_wrong_compose_file_is_refused(service, key, value):
    wrong = compose()
    wrong["services"][service][key] = value
    with pytest.raises(ValueError, match=r"portz|nonsense"):
        compose_spec.PyCompose.from_json(json.dumps(wrong))


def test_what_compose_names_is_there():
    for service in SERVICES.values():
        assert set(service["networks"]) <= set(COMPOSE["networks"])
        assert set(service.get("depends_on", [])) <= set(SERVICES)
        secrets = {s if isinstance(s, str) else s["source"] for s in service["secrets"]}
        assert secrets <= set(COMPOSE["secrets"])
        for value in service.get("environment", {}).values():
            if str(value).startswith("/run/secrets/"):
                assert Path(value).name in secrets
        for volume in service["volumes"]:
            source = volume.partition(":")[0]
            assert source in COMPOSE["volumes"] or (DOCKER / source).is_dir()


def test_compose_waits_only_for_services_with_a_health_check():
    for service in SERVICES.values():
        for other in service.get("depends_on", {}):
            assert SERVICES[other]["image"] == IMAGE or "healthcheck" in SERVICES[other]


def test_compose_publishes_on_loopback_only():
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert sorted(ports) == ["127.0.0.1:5000:5000", "127.0.0.1:8265:8265"]
    # Asking for more opens MLflow alone, which asks for a password.
    text = (DOCKER / "compose.yaml").read_text()
    assert re.findall(r"\$\{\w*BIND\w*[^}]*\}:\d+", text) == ["${MLFLOW_BIND:-127.0.0.1}:5000"]
    assert COMPOSE["networks"]["database"]["internal"]


def test_compose_has_token_authentication_on_every_node_and_secrets_in_files_only():
    for name in ("head", "worker", "worker-gpu"):
        environment = SERVICES[name]["environment"]
        assert environment["RAY_AUTH_MODE"] == "token"
        assert environment["RAY_AUTH_TOKEN_PATH"] == "/run/secrets/ray_token"
    for service in SERVICES.values():
        for key, value in service.get("environment", {}).items():
            secret = re.search("PASSWORD|TOKEN|SECRET", key)
            assert not secret or str(value).startswith("/run/secrets/")
    assert all(set(secret) == {"file"} for secret in COMPOSE["secrets"].values())


def test_containers_get_no_new_privileges():
    for service in SERVICES.values():
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert not service.get("privileged")


def test_secrets_are_made_once_and_are_those_that_compose_wants(tmp_path):
    folder = tmp_path / "secrets"
    for _ in range(2):
        subprocess.run([DOCKER / "make-secrets.sh", folder], check=True)
        made = {p.name: p.read_text() for p in folder.iterdir()}
        first = locals().get("first", made)
    assert made == first
    assert {f"secrets/{name}" for name in made} == {s["file"] for s in COMPOSE["secrets"].values()}
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {p.stat().st_mode & 0o777 for p in folder.iterdir()} == {0o444}
    values = [text for name, text in made.items() if name != "mlflow_credentials"]
    assert len(set(values)) == 4
    assert all(re.fullmatch("[0-9a-f]{64}", value) for value in values)
    credentials = configparser.ConfigParser()
    credentials.read_string(made["mlflow_credentials"])
    assert credentials["mlflow"]["mlflow_tracking_password"] == made["mlflow_password"]
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert "docker/secrets/" in ignored


# kuberay.yaml: the fields of ray.io/v1 by the types of KubeRay 1.6, as far as they are used here

RAY_JOB = {
    "entrypoint", "submissionMode", "backoffLimit", "activeDeadlineSeconds", "rayClusterSpec",
    "shutdownAfterJobFinishes", "ttlSecondsAfterFinished", "submitterPodTemplate", "suspend",
}  # fmt: skip
RAY_CLUSTER = {
    "rayVersion", "authOptions", "enableInTreeAutoscaling", "autoscalerOptions", "headGroupSpec",
    "workerGroupSpecs", "gcsFaultToleranceOptions",
}  # fmt: skip
GROUP = {"rayStartParams", "template"}
WORKERS = GROUP | {"groupName", "replicas", "minReplicas", "maxReplicas", "idleTimeoutSeconds"}


def test_the_ray_job_has_the_fields_of_kuberay():
    assert (JOB["apiVersion"], JOB["kind"]) == ("ray.io/v1", "RayJob")
    assert set(JOB["spec"]) <= RAY_JOB
    assert set(CLUSTER) <= RAY_CLUSTER
    assert set(CLUSTER["headGroupSpec"]) == GROUP
    assert all(GROUP < set(group) <= WORKERS for group in CLUSTER["workerGroupSpecs"])
    for group in GROUPS.values():
        assert all(isinstance(value, str) for value in group["rayStartParams"].values())
    assert JOB["spec"]["submissionMode"] == "K8sJobMode"
    assert CLUSTER["autoscalerOptions"]["upscalingMode"] in {"Default", "Conservative"}


def test_the_ray_job_has_the_version_of_ray_and_token_authentication():
    assert CLUSTER["rayVersion"] == PINS["ray"]
    assert CLUSTER["authOptions"] == {"mode": "token"}


def test_kubernetes_takes_the_claim_and_the_pods():
    kubernetes_validate.validate(CLAIM, "1.32", strict=True)
    for group in GROUPS.values():
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "node"}}
        kubernetes_validate.validate(pod | group["template"], "1.32", strict=True)


def test_what_pods_name_is_there():
    for group in GROUPS.values():
        spec = group["template"]["spec"]
        volumes = {v["name"]: v for v in spec["volumes"]}
        assert volumes["runs"]["persistentVolumeClaim"]["claimName"] == CLAIM["metadata"]["name"]
        (container,) = spec["containers"]
        assert container["image"] == IMAGE
        assert {m["name"] for m in container["volumeMounts"]} == set(volumes)
        assert container["resources"]["limits"] == container["resources"]["requests"]
        assert spec["securityContext"]["runAsNonRoot"]
    assert CLAIM["spec"]["accessModes"] == ["ReadWriteMany"]
    head = GROUPS["head"]["template"]["spec"]["containers"][0]
    environment = {e["name"]: e["value"] for e in head["env"]}
    mounts = {m["name"]: m["mountPath"] for m in head["volumeMounts"]}
    assert environment["RUNS_DIR"] == mounts["runs"]


def test_gpu_workers_scale_and_the_head_trains_nothing():
    gpu = GROUPS["gpu"]
    (container,) = gpu["template"]["spec"]["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert 0 <= gpu["minReplicas"] <= gpu["replicas"] < gpu["maxReplicas"]
    assert CLUSTER["enableInTreeAutoscaling"]
    assert GROUPS["head"]["rayStartParams"]["num-cpus"] == "0"
    script, name, space, *options = JOB["spec"]["entrypoint"].split()
    assert (DOCKER / script).is_file()
    assert (ROOT / space).is_file()
    assert name.isidentifier()
    assert options == ["--set", "evaluate.gpus_per_worker=1"]


# ray-cluster.yaml


def test_the_launcher_file_follows_the_schema_of_ray():
    prepared = prepare_config(LAUNCHER)  # what `ray up` does first: fills in defaults
    validate_config(prepared)
    assert prepared["max_workers"] == len(LAUNCHER["provider"]["worker_ips"])
    with pytest.raises(ValidationError, match="worker_start_command"):
        validate_config(prepared | {"worker_start_command": []})


def test_the_launcher_has_token_authentication_and_no_open_dashboard():
    assert "--env=RAY_AUTH_MODE=token" in LAUNCHER["docker"]["run_options"]
    assert "~/.ray/auth_token" in LAUNCHER["file_mounts"]
    assert "--dashboard-host=127.0.0.1" in LAUNCHER["head_start_ray_commands"][1]
