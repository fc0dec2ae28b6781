#!/usr/bin/env bash
# Packs the package, checks it, installs the tarball into an empty folder and uses it there as a user would.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$root"
tarball=$work/$(npm pack --silent --pack-destination "$work")
npx publint --strict "$tarball"
npx attw "$tarball" --profile esm-only --quiet
cd "$work"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts "$tarball"
./node_modules/.bin/holdfast --help >/dev/null
./node_modules/.bin/holdfast data list --json >/dev/null
HOLDFAST_DATA=/nonexistent HOLDFAST_CACHE="$work/cache" ./node_modules/.bin/holdfast bench split-mnist --method none,replay \
  --scenario class --seeds 1 --iterations 20 --json >bench.json
# The store tells this program from another one by all its files.
for time in first second; do
  HOLDFAST_DATA=/nonexistent HOLDFAST_CACHE="$work/cache" ./node_modules/.bin/holdfast bench split-mnist --method none,replay \
    --scenario class --seeds 1 --iterations 20 --store store --jobs 2 >/dev/null 2>$time.txt
done
grep -q 'none.*kept' second.txt
# What queues need is not installed with the package, and is named where it is missing.
if ./node_modules/.bin/holdfast worker redis://127.0.0.1:1 2>queue.txt; then exit 1; fi
grep -q 'npm install bullmq@6 ioredis@5' queue.txt
cat >use.mjs <<'JS'
import { readFileSync } from 'node:fs'
import { ewc, ortNode, simpleModel } from 'holdfast'
import { gradients } from 'holdfast/autodiff'
import { encodeGraph } from 'holdfast/onnx'
import { ortWeb } from 'holdfast/web'
const bench = JSON.parse(readFileSync('bench.json', 'utf8'))
if (bench.results.length !== 2 || !bench.dataset.synthetic) throw new Error('the bench printed something else')
for (const part of [ewc, ortNode, ortWeb, simpleModel, gradients, encodeGraph]) if (typeof part !== 'function') throw new Error('an export is missing')
console.log('the packed tarball works')
JS
node use.mjs
