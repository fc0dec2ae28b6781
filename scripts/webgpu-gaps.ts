// Prints which ops of the families' training steps ONNX Runtime has no WebGPU kernel of: node scripts/run.mjs scripts/webgpu-gaps.ts
import { webgpuKernels as kernels } from '../src/engine/webgpu-kernels.ts'
import { decodeModel } from '../src/onnx/read.ts'
import { emittedOps } from '../src/ops/vocabulary.ts'
import { buildTraining, families, readFamily } from '../test/families.ts'

const rows = families.map((family) => {
  const { model, batch } = readFamily(family)
  const nodes = decodeModel(buildTraining(family.loss, model, batch).bytes).graph?.node ?? []
  const lacking = nodes.map(({ opType = '' }) => opType).filter((op) => op !== 'Constant' && !kernels.has(op))
  const counts = [...new Set(lacking)]
    .sort()
    .map((op) => `${op} ${lacking.filter((other) => other === op).length}`)
  return `| ${family.name} | ${nodes.length} | ${counts.join(', ') || 'none'} |`
})
console.log(['| Step of | nodes | without a kernel |', '| --- | ---: | --- |', ...rows].join('\n'))
console.log(`\nOf all that may be emitted: ${[...emittedOps].filter((op) => !kernels.has(op)).join(', ')}`)
