// Prints which ops of the families' training steps ONNX Runtime has no WebGPU kernel of: node scripts/run.mjs scripts/webgpu-gaps.ts
import { forDevice } from '../src/engine/for-device.ts'
import { webgpuKernels as kernels } from '../src/engine/webgpu-kernels.ts'
import { decodeModel } from '../src/onnx/read.ts'
import { emittedOps } from '../src/ops/vocabulary.ts'
import { buildTraining, families, readFamily } from '../test/families.ts'

const rows = families.map((family) => {
  const { model, batch } = readFamily(family)
  const { bytes } = buildTraining(family.loss, model, batch, { flat: true })
  const nodes = decodeModel(bytes).graph?.node ?? []
  const counts = [...forDevice(bytes).lacking].map(([op, count]) => `${op} ${count}`)
  return `| ${family.name} | ${nodes.length} | ${counts.sort().join(', ') || 'none'} |`
})
console.log(['| Step of | nodes | without a kernel |', '| --- | ---: | --- |', ...rows].join('\n'))
console.log(`\nOf all that may be emitted: ${[...emittedOps].filter((op) => !kernels.has(op)).join(', ')}`)
