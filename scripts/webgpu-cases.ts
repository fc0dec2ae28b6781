// Holds ONNX Runtime's WebGPU provider against its CPU provider, an op's case at a time: what comes out, and the gradients of it.
//   node scripts/run.mjs scripts/webgpu-cases.ts [--only Conv,MaxPool]
// Without a GPU: VK_DRIVER_FILES=/usr/lib/chromium/vk_swiftshader_icd.json XDG_RUNTIME_DIR=/tmp (Debian's chromium).
// Prints a line for each op of which a case is refused or wrong, and how many are right in all. Cases of other floats than float32 are left
// out, and those of tensors without a number, which the provider refuses or ends the process for.
import { parseArgs } from 'node:util'
import { GraphBuilder } from '../src/autodiff/builder.ts'
import { backward } from '../src/autodiff/gradients.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { HoldfastError } from '../src/errors.ts'
import { encodeGraph } from '../src/onnx/encode.ts'
import type { OpCase, OpDefinition } from '../src/ops/core/define.ts'
import { opTable } from '../src/ops/table.ts'
import { required } from '../src/required.ts'
import { type Tensor, toNumbers } from '../src/tensor/tensor.ts'
import { buildCase, distance, lossOutputs, norm, weightTensor } from '../test/op-cases.ts'

const { values } = parseArgs({ options: { only: { type: 'string' } } })
const only = values.only?.split(',')
const [here, there] = [ortNode({ threads: 1 }), ortNode({ threads: 1, device: 'webgpu' })]

const ops = [...opTable.values()].filter(({ op }) => only?.includes(op) ?? true)
const counts = { right: 0, refused: 0, wrong: 0 }
for (const definition of ops) {
  const told = new Map<string, number>()
  for (const item of definition.cases) {
    if (
      item.inputs.some((input) => input && (/float(64|16)/.test(input.type ?? '') || input.dims.includes(0)))
    )
      continue
    // In which order the largest come is then nobody's word.
    if (definition.op === 'TopK' && item.attributes?.sorted === 0) continue
    const said = await compared(definition, item)
    counts[said.kind]++
    if (said.kind !== 'right') told.set(said.why, (told.get(said.why) ?? 0) + 1)
  }
  for (const [why, count] of told)
    console.log(`${definition.op} (${count} of ${definition.cases.length}): ${why}`)
}
console.log(`${counts.right} right, ${counts.refused} refused, ${counts.wrong} wrong`)

type Said = { readonly kind: 'right' } | { readonly kind: 'refused' | 'wrong'; readonly why: string }

async function compared(definition: OpDefinition, item: OpCase): Promise<Said> {
  const builder = new GraphBuilder(undefined, { flat: true })
  const { inputs, feeds, outputs } = buildCase(definition, item, { builder, prefix: '' })
  const trained = inputs.filter(
    (value) => value !== undefined && feeds.has(value.name) && value.type === 'float32',
  )
  const seen = lossOutputs(item, outputs)
  const seeds = seen.map((value) => ({ of: value, gradient: builder.constant(weightTensor(value)) }))
  const found = definition.gradient
    ? backward(
        builder,
        seeds,
        trained.flatMap((value) => value ?? []),
      )
    : []
  const all = [...seen, ...found.flatMap((value) => value ?? [])]
  const names = all.map((value, at) => builder.output(value, `out${at}`).name)
  if (names.length === 0) return { kind: 'right' }
  const bytes = encodeGraph(builder.finish('case'))
  const answers = async (engine: typeof here): Promise<ReadonlyMap<string, Tensor>> => {
    const executable = await engine.load(bytes)
    try {
      return await executable.run(feeds)
    } finally {
      await executable.dispose()
    }
  }
  const expected = await answers(here)
  try {
    const got = await answers(there)
    for (const [at, name] of names.entries()) {
      const [a, b] = [toNumbers(required(expected, name, 'output')), toNumbers(required(got, name, 'output'))]
      const off = distance(a, b) / Math.max(1e-6, norm(a))
      const what = at < seen.length ? `output ${at}` : `gradient ${at - seen.length}`
      if (!(off < 1e-3))
        return { kind: 'wrong', why: `${item.name}: ${what} is off by ${off.toPrecision(2)}` }
    }
    return { kind: 'right' }
  } catch (error) {
    if (!(error instanceof HoldfastError)) throw error
    return { kind: 'refused', why: error.message.slice(0, 240) }
  }
}
