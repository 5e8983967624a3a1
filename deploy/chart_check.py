"""Checks rendered manifests on standard input: the restricted Pod Security Standard, probes, selectors and references."""

import sys
from typing import Any

import yaml

KINDS = {
    "Deployment": "apps/v1",
    "Service": "v1",
    "ServiceAccount": "v1",
    "ConfigMap": "v1",
    "Secret": "v1",
    "Ingress": "networking.k8s.io/v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "PodDisruptionBudget": "policy/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "ServiceMonitor": "monitoring.coreos.com/v1",
}


def check(manifests: list[dict[str, Any]]) -> None:
    names = [(each["kind"], each["metadata"]["name"]) for each in manifests]
    assert len(names) == len(set(names)), names
    for each in manifests:
        assert each["apiVersion"] == KINDS[each["kind"]], each["kind"]
        assert each["metadata"]["labels"]["app.kubernetes.io/instance"] == "release", each["kind"]
    by_kind = {each["kind"]: each for each in manifests}
    deployment = by_kind["Deployment"]["spec"]
    pod = deployment["template"]["spec"]
    selector = deployment["selector"]["matchLabels"]
    assert selector.items() <= deployment["template"]["metadata"]["labels"].items()
    assert by_kind["Service"]["spec"]["selector"] == selector
    check_security(pod)
    check_container(pod, names)
    assert "model_list" in yaml.safe_load(by_kind["ConfigMap"]["data"]["config.yaml"])
    assert ("replicas" in deployment) != ("HorizontalPodAutoscaler" in by_kind)


def check_security(pod: dict[str, Any]) -> None:
    context = pod["securityContext"]
    assert context["runAsNonRoot"] is True and context["runAsUser"] == 65532
    assert context["seccompProfile"]["type"] == "RuntimeDefault" and pod["automountServiceAccountToken"] is False
    for container in pod["containers"]:
        own = container["securityContext"]
        assert own["allowPrivilegeEscalation"] is False and own["readOnlyRootFilesystem"] is True
        assert own["capabilities"]["drop"] == ["ALL"]


def check_container(pod: dict[str, Any], names: list[tuple[str, str]]) -> None:
    container = pod["containers"][0]
    environment = {each["name"]: each for each in container["env"]}
    assert int(environment["GRACEFUL_TIMEOUT"]["value"]) + 30 == pod["terminationGracePeriodSeconds"]
    assert ("Secret", environment["LITELLM_MASTER_KEY"]["valueFrom"]["secretKeyRef"]["name"]) in names
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert container[probe]["httpGet"]["path"].startswith("/health/")
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} <= volumes.keys()
    assert ("ConfigMap", volumes["config"]["configMap"]["name"]) in names
    assert not any("subPath" in mount for mount in container["volumeMounts"])
    assert all(isinstance(argument, str) for argument in container["args"])


if __name__ == "__main__":
    check([each for each in yaml.safe_load_all(sys.stdin) if each])
    sys.stdout.write("the manifests hold\n")
