import { type Emitter, ints, type Value } from '../../ops/core/index.ts'
import { fewRows } from '../../ops/gather/index.ts'
import { itemAt } from '../../required.ts'
import { inPieces } from './in-pieces.ts'
import type { Optimiser, Update } from './optimisers.ts'
import { decayed, type WeightDecay } from './weight-decay.ts'

/** A parameter with what its update needs. */
export interface Pending {
  readonly name: string
  readonly parameter: Value
  readonly gradient: Value
  /** In the order of the optimiser's slots. */
  readonly slots: readonly Value[]
}

export interface Updated {
  readonly parameter: Value
  readonly slots: readonly Value[]
}

/** Vectors this long are updated together: beyond it, copying them costs as much as nodes of their own. */
const LONGEST_TOGETHER = 4096
/** Fewer vectors than this are updated one by one: laying them together and cutting them apart are nodes, too. */
const FEWEST_TOGETHER = 4

export interface UpdateRule {
  readonly optimiser: Optimiser
  readonly decay?: WeightDecay | undefined
  /** This step's numbers, as {@link Optimiser.scalars} gives them. */
  readonly scalars: readonly Value[]
}

/**
 * Emits one step of the optimiser for all parameters. Vectors (biases, scales of norms) are most of a model's parameters
 * and few of its numbers: they are laid end to end and updated by the same few nodes. A step of BERT-mini has a third
 * fewer nodes by that, and its session is made in half the time.
 *
 * @returns the new values by name
 * @example
 * const next = updateParameters(step, { optimiser: adam(), scalars }, [{ name: 'bias', parameter, gradient, slots }])
 */
export function updateParameters(
  emit: Emitter,
  rule: UpdateRule,
  pending: readonly Pending[],
): ReadonlyMap<string, Updated> {
  const groups = grouped(pending, rule.decay)
  return new Map(groups.flatMap((group) => updatedTogether(emit, rule, group)))
}

/** Vectors that are updated alike, and every other parameter by itself. */
function grouped(
  pending: readonly Pending[],
  decay: WeightDecay | undefined,
): readonly (readonly Pending[])[] {
  const groups = new Map<string, Pending[]>()
  for (const one of pending) {
    const { dims, type } = one.parameter
    const together = dims.length === 1 && (dims[0] ?? 0) <= LONGEST_TOGETHER
    const key = together ? `${type} ${decay?.only?.(one.name) !== false}` : `of ${one.name}`
    const group = groups.get(key)
    if (group) group.push(one)
    else groups.set(key, [one])
  }
  return [...groups.values()].flatMap((group) =>
    group.length >= FEWEST_TOGETHER ? [group] : group.map((one) => [one]),
  )
}

/** In pieces where it is large, unless its gradient is of a few rows, which are put where they belong in the whole. */
function updatedAlone(emit: Emitter, update: Optimiser['update'], request: Update): Updated {
  const { parameter, gradient, slots, scalars } = request
  if (fewRows(gradient)) return update(emit, request)
  const whole = [parameter, gradient, ...slots] as const
  const [moved, ...next] = inPieces(emit, whole, (to, [piece, pull, ...kept]) => {
    const result = update(to, { parameter: piece, gradient: pull, slots: kept, scalars })
    return [result.parameter, ...result.slots] as const
  })
  return { parameter: moved, slots: next }
}

function updatedTogether(
  emit: Emitter,
  { optimiser, decay, scalars }: UpdateRule,
  group: readonly Pending[],
): readonly (readonly [string, Updated])[] {
  const [first] = group
  if (!first) return []
  const update = decayed(optimiser, decay, first.name)
  if (group.length === 1) return [[first.name, updatedAlone(emit, update, { ...first, scalars })]]
  const joined = (values: readonly Value[]) => emit.op('Concat', values, { axis: 0 })
  const sizes = ints(
    emit,
    group.map(({ parameter }) => itemAt(parameter.dims, 0, 'dim')),
  )
  const apart = (value: Value) => emit.ops('Split', [value, sizes], group.length, { axis: 0 })
  const result = update(emit, {
    parameter: joined(group.map(({ parameter }) => parameter)),
    gradient: joined(group.map(({ gradient }) => gradient)),
    slots: first.slots.map((_, at) => joined(group.map(({ slots }) => itemAt(slots, at, 'slot')))),
    scalars,
  })
  const parameters = apart(result.parameter)
  const slots = result.slots.map(apart)
  return group.map(({ name }, at) => [
    name,
    {
      parameter: itemAt(parameters, at, 'updated parameter'),
      slots: slots.map((parts) => itemAt(parts, at, 'updated slot')),
    },
  ])
}
