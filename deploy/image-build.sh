#!/usr/bin/env bash
# The steps of the image, run by the Dockerfile and, in a plain environment, by .ci/run: they cannot drift apart.
#
#   deploy/image-build.sh dependencies TARGET   virtual environment in TARGET with the pinned runtime closure
#   deploy/image-build.sh package TARGET        build the wheel and add it to TARGET
#
# Run from the root of the sources. pip compiles what it installs, so the image starts with no compiler pass and
# may have a read-only root. TARGET gets no pip of its own.
set -euo pipefail

step=${1:?dependencies or package}
target=${2:?where the virtual environment goes}
tools="$target.build"
quiet=(--quiet --quiet --disable-pip-version-check --no-cache-dir)

case "$step" in
  dependencies)
    python3 -m venv "$tools"
    python3 -m venv --without-pip "$target"
    "$tools/bin/pip" install "${quiet[@]}" --require-hashes -r constraints/build.txt
    "$tools/bin/pip" --python "$target/bin/python" install "${quiet[@]}" --require-hashes -r constraints/runtime.txt
    ;;
  package)
    "$tools/bin/pip" wheel "${quiet[@]}" --no-deps --no-build-isolation --wheel-dir "$tools/wheel" .
    "$tools/bin/pip" --python "$target/bin/python" install "${quiet[@]}" --no-deps "$tools"/wheel/llo11ypop-*.whl
    rm -rf "$tools"
    ;;
  *)
    echo "unknown step: $step" >&2
    exit 2
    ;;
esac
