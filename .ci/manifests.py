#!/usr/bin/env python3
"""Checks what `helm template` printed: manifests.py FILE…

Kubernetes' own kinds against Kubernetes' own schemas, strictly, for the oldest and the newest version the chart is for;
custom resources against the part of theirs that the chart uses; and what the chart promises beyond a good shape.
"""

import json
import pathlib
import sys

import jsonschema
import kubernetes_validate
import yaml

CHART = pathlib.Path(__file__).resolve().parent.parent / "charts/portcullis"
VERSIONS = ["1.27", "1.37"]
CUSTOM = {"ServiceMonitor", "PrometheusRule", "HTTPRoute"}


def shape(manifest):
    """The right fields, and no others."""
    if manifest["kind"] in CUSTOM:
        schema = json.loads((CHART / "ci/custom-resources.schema.json").read_text())
        own = {**schema["definitions"][manifest["kind"]], "definitions": schema["definitions"]}
        for error in jsonschema.Draft7Validator(own).iter_errors(manifest):
            yield f"{error.json_path}: {error.message}"
        return
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(manifest, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{version}: {'.'.join(map(str, error.path))}: {error.message}"


def promises(manifests):
    """What no schema says."""
    of = lambda kind: [manifest for manifest in manifests if manifest["kind"] == kind]
    [workload] = of("StatefulSet")
    spec = workload["spec"]
    pod = spec["template"]["spec"]
    [container] = pod["containers"]
    if spec["replicas"] > 1:
        yield "more than one replica on SQLite"
    if pod["automountServiceAccountToken"] or any(one["automountServiceAccountToken"] for one in of("ServiceAccount")):
        yield "a token of the Kubernetes API is mounted"
    if not pod["securityContext"]["runAsNonRoot"] or pod["securityContext"]["seccompProfile"]["type"] != "RuntimeDefault":
        yield "the pod may run as root, or without a seccomp profile"
    secured = container["securityContext"]
    if secured["allowPrivilegeEscalation"] or not secured["readOnlyRootFilesystem"] or secured["capabilities"]["drop"] != ["ALL"]:
        yield "the container has more rights than it needs"
    volumes = {volume["name"] for volume in pod["volumes"]}
    volumes |= {claim["metadata"]["name"] for claim in spec.get("volumeClaimTemplates", [])}
    for mount in container["volumeMounts"]:
        if mount["name"] not in volumes:
            yield f"the mount `{mount['name']}` has no volume"
    labels = spec["template"]["metadata"]["labels"].items()
    ports = {port["name"] for port in container["ports"]}
    services = {service["metadata"]["name"]: service for service in of("Service")}
    if len(services) != 2:
        yield "there is not one Service for each listener"
    for name, service in services.items():
        if not service["spec"]["selector"].items() <= labels:
            yield f"the Service `{name}` does not find the pod"
        if not {port["targetPort"] for port in service["spec"]["ports"]} <= ports:
            yield f"the Service `{name}` names no port of the pod"
    for kind in ("Ingress", "HTTPRoute"):
        for backend in backends(of(kind)):
            targets = [port["targetPort"] for port in services[backend]["spec"]["ports"]]
            if targets != ["public"]:
                yield f"the {kind} leads to `{backend}`, which is not the public listener alone"
    for monitor in of("ServiceMonitor"):
        wanted = monitor["spec"]["selector"]["matchLabels"].items()
        found = [name for name, service in services.items() if wanted <= service["metadata"]["labels"].items()]
        if len(found) != 1 or not found[0].endswith("-operator"):
            yield f"the ServiceMonitor finds {found}"


def backends(manifests):
    """The Services that routes of the world lead to."""
    for manifest in manifests:
        for rule in manifest["spec"]["rules"]:
            for reference in rule.get("backendRefs", []):
                yield reference["name"]
            for path in rule.get("http", {}).get("paths", []):
                yield path["backend"]["service"]["name"]


def main(files):
    wrong = 0
    for file in files:
        manifests = [one for one in yaml.safe_load_all(pathlib.Path(file).read_text()) if one]
        found = [f"{one['kind']}/{one['metadata']['name']}: {why}" for one in manifests for why in shape(one)]
        found += promises(manifests)
        for why in found:
            print(f"{file}: {why}")
        wrong += len(found)
        print(f"{file}: {len(manifests)} manifests, {len(found)} wrong")
    return 1 if wrong else 0


sys.exit(main(sys.argv[1:]))
