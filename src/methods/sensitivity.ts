import { GraphBuilder } from '../autodiff/builder.ts'
import { backward } from '../autodiff/gradients.ts'
import { scan } from '../autodiff/scan.ts'
import type { Dataset } from '../data/dataset.ts'
import { gatheredFeeds } from '../data/spilled-rows.ts'
import type { Engine } from '../engine/engine.ts'
import { loadable } from '../engine/loadable.ts'
import { paced, paceOn } from '../engine/pace.ts'
import { loadProgram } from '../engine/program.ts'
import { applyModel, weightInputs } from '../model/apply.ts'
import type { Model } from '../model/model.ts'
import { add, scale } from '../ops/core/index.ts'
import { required } from '../required.ts'
import { float32, type Tensor } from '../tensor/tensor.ts'
import { unitsOf } from './teacher.ts'

export interface SensitivityOptions {
  readonly engine: Engine
  readonly model: Model
  readonly parameters: ReadonlyMap<string, Tensor>
  /** Batch-norm statistics, fixed while it is estimated. */
  readonly buffers: ReadonlyMap<string, Tensor>
  readonly dataset: Dataset
  /** Which rows of it. */
  readonly rows: Int32Array
  /** Output units that count; default all. */
  readonly units?: readonly number[] | undefined
}

/**
 * How much each parameter moves what the model says: 1/N sum_n |d |f(x_n)|^2 / d theta|, f the logits (Aljundi et al. 2018). The sizes
 * of the gradients are summed, so each row is a pass of its own: in the gradient of a batch rows cancel one another.
 *
 * @returns float32, of each parameter's name and dims
 */
export async function sensitivity(options: SensitivityOptions): Promise<Map<string, Tensor<'float32'>>> {
  const { engine, model, dataset, rows } = options
  const own = (name: string): Tensor => required(options.parameters, name, 'parameter')
  const parameters = new Map([...model.parameters.keys()].map((name) => [name, own(name)]))
  const built = sensitivityGraph(options, parameters)
  const sums = new Map([...parameters].map(([name, { dims }]) => [`sum/${name}`, float32(dims)]))
  const slots = [...sums.keys()].map((input) => ({ input, output: `${input}/next` }))
  const program = await loadProgram(engine, built, slots, sums)
  const fixed: readonly (readonly [string, Tensor])[] = [
    ...[...parameters].map(([name, tensor]) => [`parameter/${name}`, tensor] as const),
    ...[...options.buffers].map(([name, tensor]) => [`buffer/${name}`, tensor] as const),
  ]
  try {
    const sizesOf = async (from: number, count: number): Promise<void> => {
      const data = rows.slice(from, from + count)
      const asked = gatheredFeeds(dataset, { type: 'int32', dims: [count, 1], data }, engine.flat)
      const feeds = new Map<string, Tensor>([...fixed, ...asked])
      await program.run(new Map([...feeds].filter(([name]) => built.inputs.has(name))))
    }
    await paced(rows.length, sizesOf, paceOn(engine))
    const found = await program.snapshot()
    return new Map(
      [...parameters].map(([name, { dims }]) => {
        const sum = required(found, `sum/${name}`, 'sum').data as Float32Array
        return [
          name,
          float32(
            dims,
            sum.map((value) => value / rows.length),
          ),
        ]
      }),
    )
  } finally {
    await program.dispose()
  }
}

/** A graph that adds the sizes of the gradients of `rows` [rows, 1] to running sums, a row an iteration. */
function sensitivityGraph(
  { engine, model, buffers, dataset, units }: SensitivityOptions,
  parameters: ReadonlyMap<string, Tensor>,
) {
  const builder = new GraphBuilder(undefined, { flat: engine.flat })
  const inputs = builder.input('inputs', dataset.inputs, ['rows_of_data', ...dataset.inputs.dims.slice(1)])
  const rows = builder.input('rows', { type: 'int32', dims: [1, 1] }, ['rows', 1])
  const given = weightInputs(builder, { parameters, buffers })
  const sums = [...given.parameters].map(([name, value]) =>
    builder.input(`sum/${name}`, { type: 'float32', dims: value.dims }),
  )
  const result = scan(builder, sums, [rows], (body, state, [row]) => {
    if (!row) return { state, outputs: [] }
    const stored = body.op('Gather', [inputs, row])
    const { logits } = applyModel(body, model, { stored, preprocessing: dataset.preprocessing }, given)
    const counted = unitsOf(body, logits, units)
    const seed = { of: counted, gradient: scale(body, counted, 2) }
    const found = backward(body, [seed], [...given.parameters.values()])
    const next = state.map((sum, at) => {
      const gradient = found[at]
      return gradient ? add(body, sum, body.op('Abs', [gradient])) : sum
    })
    return { state: next, outputs: [] }
  })
  const names = [...given.parameters.keys()]
  result.state.forEach((value, at) => {
    builder.output(value, `sum/${names[at]}/next`)
  })
  const graph = builder.finish('sensitivity')
  return { ...loadable(graph), inputs: new Set(graph.inputs.map(({ name }) => name)) }
}
