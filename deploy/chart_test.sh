#!/usr/bin/env bash
# Lints the chart, renders it with the defaults and with everything on, and checks what must hold. HELM is the binary.
set -euo pipefail
cd "$(dirname "$0")/helm/patchbay"
HELM=${HELM:-helm}
command -v "$HELM" >/dev/null || { echo "there is no helm: set HELM" >&2; exit 1; }
"$HELM" lint .
all=(--set "ingress.enabled=true,autoscaling.enabled=true,serviceMonitor.enabled=true,networkPolicy.enabled=true"
	--set "db.useExisting=true,environmentSecrets[0]=providers,environmentConfigMaps[0]=more,envVars.NAME=value"
	--set "podLabels.a=b,podAnnotations.a=b,volumes[0].name=v,volumeMounts[0].name=v,volumeMounts[0].mountPath=/v")
python=${PYTHON:-python3}
"$HELM" template release . | "$python" ../../chart_check.py
"$HELM" template release . "${all[@]}" | "$python" ../../chart_check.py
if command -v kubeconform >/dev/null; then
	"$HELM" template release . "${all[@]}" | kubeconform -strict -ignore-missing-schemas -summary
fi
