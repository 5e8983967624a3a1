#!/usr/bin/env bash
# Tries the image. With docker or podman it is built and run as compose.yaml does. Without a builder the steps of the Dockerfile
# are carried out one by one in a clean folder: the same files, the same packages, a read-only tree, another user where possible.
set -euo pipefail
cd "$(dirname "$0")/.."
port=${PORT:-4567} key=sk-image-test-0123456789abcdef
work=$(mktemp -d)
stop() { [ -z "${run:-}" ] || kill "$run" 2>/dev/null || true; chmod -R u+w "$work" 2>/dev/null || true; rm -rf "$work"; }
trap stop EXIT

answers() {
	for _ in $(seq 60); do
		if python3 - "$port" "$key" <<'PY'
import json, sys, urllib.request
port, key = sys.argv[1:]
body = json.dumps({"model": "demo", "messages": [{"role": "user", "content": "hi"}]}).encode()
headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
try:
    urllib.request.urlopen(f"http://127.0.0.1:{port}/health/liveliness", timeout=2)
    answer = urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/v1/chat/completions", body, headers), timeout=5)
    sys.exit(answer.status != 200)
except OSError:
    sys.exit(1)
PY
		then return 0; fi
		sleep 0.5
	done
	return 1
}

printf 'model_list: [{model_name: demo, litellm_params: {model: mock/demo}}]\n' >"$work/config.yaml"
builder=
for each in docker podman; do if "$each" info >/dev/null 2>&1; then builder=$each; break; fi; done
if [ -n "$builder" ]; then
	"$builder" build -f deploy/Dockerfile -t patchbay:test .
	chmod 755 "$work" && chmod 644 "$work/config.yaml"
	"$builder" run --rm --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges -e LITELLM_MASTER_KEY="$key" \
		-v "$work/config.yaml:/app/config.yaml:ro" -p "127.0.0.1:$port:4000" patchbay:test & run=$!
else
	echo "There is no builder: the steps are carried out in a clean folder." >&2
	mkdir "$work/src" && cp requirements.txt pyproject.toml setup.py README.md LICENSE app.py wsgi.py granian_server.py gunicorn.conf.py "$work/src"
	cp -r proxy schemas "$work/src"
	python3 -m venv "$work/opt"
	(cd "$work/src" && "$work/opt/bin/pip" install --quiet --no-cache-dir --disable-pip-version-check -r requirements.txt ".[redis,postgres]")
	rm -rf "$work/src" && "$work/opt/bin/pip" uninstall --quiet -y pip
	mkdir "$work/tmp" && chmod 777 "$work/tmp" && chmod 755 "$work" && chmod -R a+rX,a-w "$work/opt"
	# Another user can't run a Python that is in root's home.
	as=(setpriv --reuid 65532 --regid 65532 --clear-groups)
	{ [ "$(id -u)" = 0 ] && "${as[@]}" "$work/opt/bin/python" -c "" 2>/dev/null; } || as=()
	(cd "$work/tmp" && exec "${as[@]}" env -i PATH="$work/opt/bin:/usr/bin:/bin" LITELLM_MASTER_KEY="$key" PYTHONDONTWRITEBYTECODE=1 \
		PATCHBAY_STATE_DIR="$work/tmp/state" TMPDIR="$work/tmp" \
		"$work/opt/bin/python" "$work/opt/bin/patchbay" serve --config "$work/config.yaml" --host 127.0.0.1 --port "$port") & run=$!
fi
answers && echo "the image answers"
