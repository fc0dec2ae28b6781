#!/bin/sh
# Generates src/onnx/onnx_pb.ts from src/onnx/onnx.proto. The output is committed; run this only after changing the
# .proto. buf (which brings its own protobuf compiler) and the generator are installed in a temporary folder, because
# nothing else here needs them. protoc-gen-es stays at 2.12, the last to support Node 20.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
tools=$(mktemp -d)
trap 'rm -rf "$tools"' EXIT
cd "$tools"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund @bufbuild/buf@1 @bufbuild/protoc-gen-es@2.12.0
cat >buf.gen.yaml <<YAML
version: v2
plugins:
  - local: $tools/node_modules/.bin/protoc-gen-es
    out: $root/src/onnx
    opt: [target=ts, import_extension=ts]
YAML
mkdir proto
cp "$root/src/onnx/onnx.proto" proto/
node_modules/.bin/buf generate proto
