// Prints which ops of the families' training steps ONNX Runtime has no WebGPU kernel of: node scripts/run.mjs scripts/webgpu-gaps.ts
import { decodeModel } from '../src/onnx/read.ts'
import { emittedOps } from '../src/ops/vocabulary.ts'
import { buildTraining, families, readFamily } from '../test/families.ts'

/**
 * Standard ops with a kernel of the WebGPU provider in onnxruntime-node 1.30.0, by the class names in its library. Having
 * one says nothing of element types: most take no int64 but as an index.
 */
const kernels: ReadonlySet<string> = new Set(
  `Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh AveragePool BatchNormalization Cast Ceil Clip Concat Conv
  ConvTranspose Cos Cosh CumSum DFT DepthToSpace DequantizeLinear Div Einsum Elu Equal Erf Exp Expand Flatten Floor GRU Gather
  GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual GridSample HardSigmoid HardSwish
  Identity If InstanceNormalization LSTM LayerNormalization LeakyRelu Less LessOrEqual Log LpNormalization MatMul Max MaxPool
  Min Mul Neg Not PRelu Pad Pow RMSNormalization Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax
  ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize RotaryEmbedding ScatterElements ScatterND Shape
  Sigmoid Sin Sinh Slice Softmax Softplus Split Sqrt Squeeze Sub Tan Tanh ThresholdedRelu Tile TopK Transpose Trilu Unsqueeze
  Upsample Where`.split(/\s+/),
)

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
