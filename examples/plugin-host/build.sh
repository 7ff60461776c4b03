#!/bin/sh
# Builds the plug-ins from their texts: examples/plugin-host/build.sh. Needs wat2wasm, of the package wabt.
set -e
cd "$(dirname "$0")/plugins"
for source in *.wat; do
  wat2wasm "$source" -o "${source%.wat}.wasm"
done
