#!/usr/bin/env bash
# Builds the wheel and tries it in an empty environment: the command, its version, the check of the built-in configuration.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-python3}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
grep -q '^## Unreleased' CHANGELOG.md
git archive HEAD | tar -x -C "$work" 2>/dev/null || cp -r . "$work"
"$python" -m venv "$work/env"
(cd "$work" && "$work/env/bin/pip" wheel --quiet --no-deps --disable-pip-version-check -w "$work/wheels" .)
"$work/env/bin/pip" install --quiet --disable-pip-version-check "$work"/wheels/*.whl
cd "$work/wheels"
"$work/env/bin/patchbay" check
"$work/env/bin/patchbay" schema >"$work/schema.json"
test -f "$("$work/env/bin/python" -c 'import app, pathlib; print(pathlib.Path(app.__file__).with_name("gunicorn.conf.py"))')"
echo "the wheel holds"
