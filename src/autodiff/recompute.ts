import { after, type Value } from '../ops/core/index.ts'
import { opTable } from '../ops/table.ts'
import { byteLengthOf } from '../tensor/bytes.ts'
import type { GraphBuilder, Step } from './builder.ts'

/** Steps between two values, each of which all passes through that a later step needs of what trains. */
export interface Segment {
  readonly from: Value
  readonly to: Value
  readonly steps: readonly Step[]
}

/** What a segment leaves between its ends has to be worth so many times the value that is kept for it. */
const WORTH = 4

/**
 * The pieces of a forward pass whose values may be given up and computed again (Chen et al. 2016, arXiv 1604.06174): of a
 * transformer, attention and feed-forward of each layer. What comes before the first such value and behind the last is no
 * piece: the latter's values are needed at once.
 *
 * @param needed Names of the values that depend on what trains.
 * @param trains What trains; what is made of it alone, as a transposed weight, is kept.
 */
export function segmentsOf(
  steps: readonly Step[],
  needed: ReadonlySet<string>,
  trains: readonly Value[],
): Segment[] {
  const own = ofWeightsAlone(steps, trains)
  const counts = (value: Value): boolean => needed.has(value.name) && !own.has(value.name)
  const lastUse = new Map<string, number>()
  steps.forEach(({ inputs, outputs }, at) => {
    for (const value of [...inputs, ...outputs]) if (value && counts(value)) lastUse.set(value.name, at)
  })
  const ending = new Map<number, number>()
  for (const at of lastUse.values()) ending.set(at, (ending.get(at) ?? 0) + 1)
  const found: Segment[] = []
  let live = 0
  let from: Value | undefined
  let part: Step[] = []
  let bytes = 0
  steps.forEach((step, at) => {
    const made = step.outputs.filter(counts)
    live += made.length - (ending.get(at) ?? 0)
    part.push(step)
    for (const value of made) bytes += byteLengthOf('float32', value.dims)
    const [to] = made
    const alone = to !== undefined && made.length === 1 && live === 1 && (lastUse.get(to.name) ?? 0) > at
    if (!alone || (from && bytes < WORTH * byteLengthOf('float32', to.dims))) return
    if (from && part.every(canRepeat)) found.push({ from, to, steps: part })
    ;[from, part, bytes] = [to, [], 0]
  })
  return found
}

/** Names of what depends on weights and constants, and on nothing else. */
function ofWeightsAlone(steps: readonly Step[], trains: readonly Value[]): ReadonlySet<string> {
  const names = new Set(trains.map(({ name }) => name))
  for (const { inputs, outputs } of steps) {
    const alone = inputs.every((input) => !input || input.constant || names.has(input.name))
    if (alone) for (const { name } of outputs) names.add(name)
  }
  return names
}

/** Whether the op gives the same once more: none that draws, none with nodes of its own. */
const canRepeat = ({ definition }: Step): boolean =>
  !definition.impure && opTable.get(definition.op) === definition

/**
 * Emits a segment once more, to be computed when the gradient of its end is there and not before: what it begins with gets a
 * number of that gradient added, times zero. Else the runtime would find the same nodes twice and compute them once.
 *
 * @returns The steps as they are computed again, by the steps that they repeat.
 */
export function repeated(emit: GraphBuilder, segment: Segment, arriving: Value): ReadonlyMap<Step, Step> {
  const values = new Map([[segment.from.name, after(emit, segment.from, arriving)]])
  const found = new Map<Step, Step>()
  for (const step of segment.steps) {
    const inputs = step.inputs.map((input) => input && (values.get(input.name) ?? input))
    if (inputs.every((input, at) => input === step.inputs[at])) continue
    const { definition, name, attributes } = step
    const outputs = emit.add({ op: definition.op, inputs, count: step.outputs.length, attributes, name })
    const made = emit.steps.at(-1)
    const kept = made?.outputs[0] === outputs[0] ? made?.kept : undefined
    step.outputs.forEach((output, at) => {
      const again = outputs[at]
      if (again) values.set(output.name, again)
    })
    found.set(step, { definition, name, attributes, inputs, outputs, ...(kept ? { kept } : {}) })
  }
  return found
}
