import { attributeReader, type Emitter, filled, nodeLabel, type Value } from '../ops/core/index.ts'
import { cutsOf } from '../ops/shape/index.ts'
import type { Step } from './builder.ts'

/**
 * Slices that cut a value into pieces side by side, as exporters write the query, key and value of one projection. Their
 * gradients go back by one `Concat`; each by itself would be padded to the whole and added.
 */
export interface Tiling {
  readonly whole: Value
  readonly axis: number
  /** In their order along the axis. */
  readonly pieces: readonly Value[]
  /** The step of a piece that the reverse walk comes to last. */
  readonly first: Step
}

interface Piece {
  readonly step: Step
  readonly whole: Value
  readonly axis: number
  readonly start: number
  readonly end: number
}

/** The tilings among `steps`, by each of the steps that make them. */
export function tilings(steps: readonly Step[]): ReadonlyMap<Step, Tiling> {
  const groups = new Map<string, Piece[]>()
  for (const step of steps) {
    const piece = step.definition.op === 'Slice' ? pieceOf(step) : undefined
    if (!piece) continue
    const key = `${piece.axis} ${piece.whole.name}`
    const group = groups.get(key)
    if (group) group.push(piece)
    else groups.set(key, [piece])
  }
  const found = new Map<Step, Tiling>()
  for (const group of groups.values()) {
    const [earliest] = group
    const sorted = [...group].sort((a, b) => a.start - b.start)
    if (!earliest || group.length < 2 || !coversWhole(sorted)) continue
    const { whole, axis, step: first } = earliest
    const tiling = { whole, axis, first, pieces: sorted.flatMap(({ step }) => step.outputs) }
    for (const { step } of group) found.set(step, tiling)
  }
  return found
}

/** What a Slice takes, if it takes a run of neighbours along one axis. */
function pieceOf(step: Step): Piece | undefined {
  const [whole] = step.inputs
  if (!whole) return undefined
  const { op } = step.definition
  const { name, inputs } = step
  const attributes = attributeReader(step.attributes, nodeLabel({ op, name }))
  const cuts = cutsOf({ op, name, inputs, attributes })
  const cut = cuts.flatMap(({ count }, axis) => (count === whole.dims[axis] ? [] : [axis]))
  const [axis, ...others] = cut
  if (axis === undefined || others.length > 0 || cuts.some(({ step: by }) => by !== 1)) return undefined
  const { start = 0, count = 0 } = cuts[axis] ?? {}
  return { step, whole, axis, start, end: start + count }
}

const coversWhole = (pieces: readonly Piece[]): boolean =>
  pieces.every(({ start }, at) => start === (pieces[at - 1]?.end ?? 0)) &&
  pieces.at(-1)?.end === pieces.at(-1)?.whole.dims[pieces[0]?.axis ?? 0]

/** The gradient of the whole from those of its pieces; undefined where none has one. */
export function joined(
  emit: Emitter,
  { axis, pieces }: Tiling,
  gradientOf: (piece: Value) => Value | undefined,
): Value | undefined {
  const gradients = pieces.map(gradientOf)
  if (gradients.every((gradient) => gradient === undefined)) return undefined
  const parts = pieces.map((piece, at) => gradients[at] ?? filled(emit, 0, piece))
  return emit.op('Concat', parts, { axis })
}
