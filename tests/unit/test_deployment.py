"""The deployment files match the systems they are for, as far as files can show it."""

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from include.scheduled_reports.__main__ import _parser
from include.scheduled_reports.adapters import ses_events
from include.scheduled_reports.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.override.yml").read_text())
SERVICES = COMPOSE["services"]
SETTINGS = yaml.safe_load((ROOT / "airflow_settings.yaml").read_text())
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
VALUES = yaml.safe_load((ROOT / "deploy/kubernetes/values.yaml").read_text())
MAKEFILE = (ROOT / "Makefile").read_text()
#: Services and network of the compose file that the Astro CLI writes for Airflow 3.
ASTRO = {"postgres", "db-migration", "scheduler", "dag-processor", "api-server", "triggerer"}
ASTRO_NETWORK = "airflow"
#: From settings/types.go of the Astro CLI, which silently ignores any other name.
ASTRO_FIELDS = {
    "connections": {
        "conn_id", "conn_type", "conn_host", "conn_schema", "conn_login", "conn_password", "conn_port", "conn_uri",
        "conn_extra",
    },
    "pools": {"pool_name", "pool_slot", "pool_description"},
    "variables": {"variable_name", "variable_value"},
}  # fmt: skip
OURS = {name: service for name, service in SERVICES.items() if name not in ASTRO}


@pytest.mark.parametrize(
    ("schema", "file"),
    [
        ("vendor.compose-spec", "docker-compose.override.yml"),
        ("vendor.compose-spec", "deploy/compose/public.yaml"),
        ("vendor.github-workflows", ".github/workflows/ci.yml"),
    ],
)
def test_a_file_is_as_its_schema_wants_it(schema, file):
    command = [Path(sys.executable).with_name("check-jsonschema"), "--builtin-schema", schema, ROOT / file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


def test_our_services_have_names_that_astro_does_not_use_and_stand_in_its_network():
    assert all(name.startswith("reports-") for name in OURS)
    assert {name: service["networks"] for name, service in OURS.items()} == {name: [ASTRO_NETWORK] for name in OURS}


def test_every_port_is_open_on_loopback_only():
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]

    assert len(ports) == 3
    assert [port for port in ports if not re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)] == []


@pytest.mark.parametrize("service", OURS)
def test_every_image_is_pinned_to_a_whole_version(service):
    assert re.fullmatch(r"[\w/.-]+:\d+(\.\d+)+(-[\w.]+)?", OURS[service]["image"])


def test_the_s3_of_astro_is_the_one_that_the_tests_run_on():
    assert OURS["reports-s3"]["image"] == OURS["reports-bucket"]["image"] == f"motoserver/moto:{version('moto')}"


@pytest.mark.parametrize("kind", ASTRO_FIELDS)
def test_the_settings_of_astro_have_no_field_that_it_does_not_read(kind):
    assert SETTINGS.keys() == {"airflow"}
    assert SETTINGS["airflow"].keys() == ASTRO_FIELDS.keys()
    for entry in SETTINGS["airflow"][kind]:
        assert entry.keys() - ASTRO_FIELDS[kind] == set()


def connection(name):
    (found,) = (one for one in SETTINGS["airflow"]["connections"] if one["conn_id"] == name)
    return found


def listens(service):
    """Return the port within the network."""
    (port,) = OURS[service]["ports"]
    return int(port.rpartition(":")[2])


def test_the_database_of_the_connection_is_the_one_that_compose_starts():
    ours = connection("reports_db")
    made = OURS[ours["conn_host"]]["environment"]

    assert (ours["conn_schema"], ours["conn_login"], ours["conn_password"]) == (
        made["POSTGRES_DB"],
        made["POSTGRES_USER"],
        made["POSTGRES_PASSWORD"],
    )
    assert ours["conn_port"] == listens(ours["conn_host"])


def test_files_and_mails_go_to_the_services_that_compose_starts():
    extra = connection("reports_aws")["conn_extra"]
    places = {"s3": extra["endpoint_url"], "ses": extra["service_config"]["sesv2"]["endpoint_url"]}

    for service, url in places.items():
        assert urlsplit(url).hostname == f"reports-{service}"
        assert urlsplit(url).port == listens(f"reports-{service}")


@pytest.mark.parametrize("service", ["scheduler", "dag-processor", "api-server", "triggerer"])
def test_every_process_of_astro_is_told_the_same_settings_and_the_pool_that_there_is(service):
    told = {name: value for name, value in SERVICES[service]["environment"].items() if name.startswith(PREFIX)}
    (pool,) = SETTINGS["airflow"]["pools"]

    assert Settings.from_env(told).render_pool == pool["pool_name"]
    assert pool["pool_slot"] > 0
    assert f"Bucket='{told[f'{PREFIX}BUCKET']}'" in OURS["reports-bucket"]["entrypoint"][-1]


def test_the_settings_for_kubernetes_are_settings():
    told = {one["name"]: one["value"] for one in VALUES["env"] if one["name"].startswith(PREFIX)}
    found = Settings.from_env(told)

    assert found.staging.startswith("s3://")
    assert found.mail_mode == Settings().mail_mode  # no mail is sent until someone enables it
    assert VALUES["airflowVersion"] == version("apache-airflow")
    assert {type(one["value"]) for one in VALUES["env"]} == {str}


DOOR = yaml.safe_load((ROOT / "deploy/compose/public.yaml").read_text())["services"]["reports-door"]
PARTS = {one["kind"]: one for one in yaml.safe_load_all((ROOT / "deploy/kubernetes/public.yaml").read_text())}
POD = PARTS["Deployment"]["spec"]["template"]["spec"]
#: What the examples leave to the operator.
FILLED_IN = {"LINK_KEYS": f"1:{'A' * 44}", "LINK_BASE": "https://reports.acme.example", "PUBLIC_DSN": "host=db"}


def test_the_public_door_is_told_what_it_needs_and_nothing_else():
    (container,) = POD["containers"]
    in_pods = {one["name"]: one.get("value") for one in container["env"]}

    for told in (DOOR["environment"], in_pods):
        ours = {name.removeprefix(PREFIX) for name in told if name.startswith(PREFIX)}
        assert ours == set(FILLED_IN)
        assert set(told) - {f"{PREFIX}{name}" for name in ours} == {"AWS_DEFAULT_REGION", "PYTHONDONTWRITEBYTECODE"}
    assert Settings.from_env({f"{PREFIX}{name}": value for name, value in FILLED_IN.items()}).keys.keys
    assert Settings.from_env({**{f"{PREFIX}{name}": value for name, value in FILLED_IN.items()}, **{
        name: value for name, value in in_pods.items() if name.startswith(PREFIX) and value
    }}).door == in_pods[f"{PREFIX}LINK_BASE"]  # fmt: skip
    secrets = {one["valueFrom"]["secretKeyRef"]["name"] for one in container["env"] if "valueFrom" in one}
    assert secrets == {"scheduled-reports-door"}


def test_the_public_door_is_the_same_command_on_compose_and_kubernetes():
    (container,) = POD["containers"]
    (port,) = DOOR["ports"]

    assert container["command"] == DOOR["entrypoint"]
    assert container["image"] == DOOR["image"] == f"{VALUES['defaultAirflowRepository']}:{VALUES['defaultAirflowTag']}"
    given = _parser().parse_args(container["command"][1:])
    assert (given.host, given.port) == ("0.0.0.0", 8090)  # noqa: S104
    assert re.fullmatch(r"127\.0\.0\.1:\d+:8090", port)
    assert [one["containerPort"] for one in container["ports"]] == [given.port]


def test_the_public_door_has_no_privileges_and_writes_nowhere():
    (container,) = POD["containers"]
    inside, outside = container["securityContext"], POD["securityContext"]

    assert (DOOR["read_only"], DOOR["cap_drop"], DOOR["security_opt"]) == (True, ["ALL"], ["no-new-privileges:true"])
    assert (inside["readOnlyRootFilesystem"], inside["allowPrivilegeEscalation"]) == (True, False)
    assert inside["capabilities"] == {"drop": ["ALL"]}
    assert outside["runAsNonRoot"]
    assert POD["automountServiceAccountToken"] is PARTS["ServiceAccount"]["automountServiceAccountToken"] is False
    assert DOOR["user"].partition(":")[0] == str(outside["runAsUser"]) != "0"
    assert [part["tcpSocket"] for part in (container["readinessProbe"], container["livenessProbe"])] == [
        {"port": "http"}
    ] * 2


def jobs():
    return WORKFLOW["jobs"].values()


def test_every_make_word_of_the_workflow_exists_and_ci_run_says_no_other():
    rules = set(re.findall(r"^([a-z-]+):", MAKEFILE, flags=re.MULTILINE))
    words = {entry["word"] for job in jobs() for entry in job["strategy"]["matrix"]["include"]}
    locally = set(re.findall(r"^make ([a-z -]+[a-z])", (ROOT / ".ci/run").read_text(), flags=re.MULTILINE))

    assert words - rules == set()
    assert words == {word for line in locally for word in line.split()} | {"audit", "resolve", "wheel"}
    assert [step["run"] for job in jobs() for step in job["steps"] if "make" in step.get("run", "")] == [
        "make ${{ matrix.word }}"
    ]


def test_the_workflow_may_read_the_code_and_nothing_else_and_every_job_ends():
    assert WORKFLOW["permissions"] == {"contents": "read"}
    for job in jobs():
        assert "permissions" not in job
        assert job["timeout-minutes"] == "${{ matrix.minutes }}"
        assert all(entry["minutes"] <= 90 for entry in job["strategy"]["matrix"]["include"])


def test_every_action_and_image_of_the_workflow_is_pinned_to_a_whole_version():
    actions = [step["uses"] for job in jobs() for step in job["steps"] if "uses" in step]

    assert actions
    assert [name for name in actions if not re.fullmatch(r"[\w/-]+@v\d+\.\d+\.\d+", name)] == []
    assert all(re.fullmatch(r"python:\d+\.\d+\.\d+-bookworm", job["container"]["image"]) for job in jobs())


def test_what_the_image_for_kubernetes_copies_is_not_hidden_from_docker():
    (image,) = re.findall(
        r"^```dockerfile\n(.+?)^```$", (ROOT / "docs/install.md").read_text(), re.MULTILINE | re.DOTALL
    )
    copied = [
        word.partition("/")[0]
        for words in re.findall(r"^COPY (.+) \S+$", image, re.MULTILINE)
        for word in words.split()
    ]
    hidden = (ROOT / ".dockerignore").read_text().split()

    assert copied == ["packages.txt", "dist"]
    assert set(copied) & set(hidden) == set()


class _Tags(yaml.SafeLoader):
    """CloudFormation's short forms, such as !Ref, as what follows them."""


_Tags.add_multi_constructor("!", lambda loader, _, node: loader.construct_scalar(node))


def test_both_templates_publish_the_events_that_are_read_and_no_others():
    wanted = {re.sub(r"(?<!^)([A-Z])", r"_\1", name).upper() for name in ses_events._READERS}
    template = yaml.load((ROOT / "deploy/cloudformation/mail-events.yaml").read_text(), _Tags)  # noqa: S506
    destination = template["Resources"]["EventDestination"]["Properties"]["EventDestination"]
    named = {re.sub(r"([A-Z])", r"_\1", name).upper() for name in destination["MatchingEventTypes"]}
    terraform = (ROOT / "deploy/terraform/mail-events.tf").read_text()
    listed = re.search(r"matching_event_types = \[(.*?)\]", terraform)

    assert named == wanted
    assert set(re.findall(r'"(\w+)"', listed[1])) == wanted


def test_only_the_topic_may_fill_the_queue():
    template = yaml.load((ROOT / "deploy/cloudformation/mail-events.yaml").read_text(), _Tags)  # noqa: S506
    (statement,) = template["Resources"]["QueuePolicy"]["Properties"]["PolicyDocument"]["Statement"]
    terraform = (ROOT / "deploy/terraform/mail-events.tf").read_text()

    assert statement["Action"] == "sqs:SendMessage"
    assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": "Topic"}}
    assert 'variable = "aws:SourceArn"\n      values   = [aws_sns_topic.mail_events.arn]' in terraform
