import { count } from '../count.ts'
import { samples } from '../data/dataset.ts'
import { modelAbove, type Place } from '../evaluate/cuts/index.ts'
import { selectParameters } from '../model/adapters/index.ts'
import type { Model } from '../model/model.ts'
import { normsFollow } from './batch-norms.ts'
import { addsClasses } from './classes.ts'
import { methodOf } from './method-of.ts'
import { assignRows, rowsIn, type UpdateData } from './parts.ts'
import { ladderFor, partOf, type Rung } from './recipes/index.ts'
import type { UpdateOptions } from './update-types.ts'
import { viewsOf } from './views.ts'

/** What may train, and the old rows that prove it. */
export interface Proving {
  readonly ladder: readonly Rung[]
  /** Without activations that cannot prove. */
  readonly data: UpdateData
  /** What was settled, where there was something to settle. */
  readonly notes: readonly string[]
}

/**
 * Settles what may train and which rows prove it, before any row is looked at. All candidates of an update are tested on the same rows, so
 * either activations prove, and what trains lies above their cut, or they have no part in it: where nothing is asked for they prove, and the ladder
 * ends with what lies above the cut; where rungs, layers or low-rank updates are asked for that lie below it, what is held out as inputs proves alone.
 */
export function settleProving(options: UpdateOptions): Proving {
  const { data } = options
  const ladder = fullLadder(options)
  const given = data.oldActivations
  if (!given) return { ladder, data, notes: [] }
  const above = ladder.filter((rung) => trainsAbove(rung, given.cut, options))
  const proves = options.rungs ? above.length === ladder.length : above.length > 0
  const rows = count(samples(given.rows), 'old held-out row')
  const place = `"${given.cut.values[0]}"`
  if (proves) {
    const limits = above.length < ladder.length
    return {
      ladder: above,
      data,
      notes: [
        `${rows} are kept as activations at ${place}: they prove what trains above it${limits ? ', and nothing below it trains. To train more, on the proof of rows that are held out as inputs alone, name it with --rungs' : ''}.`,
      ],
    }
  }
  return {
    ladder,
    data: { ...data, oldActivations: undefined },
    notes: [
      `${rows} that the pack has as activations at ${place} do not prove this update, as layers below it may train: what is held out as inputs proves alone.`,
    ],
  }
}

function fullLadder(options: UpdateOptions): Rung[] {
  const { data } = options
  const parts = assignRows({ ...data, oldActivations: undefined })
  return ladderFor({
    ...options,
    rowDims: data.train.inputs.dims.slice(1),
    rows:
      viewsOf(options, { name: 'above' }) * rowsIn(data.train, parts.exemplars) +
      rowsIn(parts.order, parts.proof?.inputs, parts.choose),
    closedForm: worksOutHeads(options),
    follows: normsFollow(options, parts),
  })
}

/** A head may be worked out where classes are added, there is something old to set them beside, and no method is asked for. */
function worksOutHeads(options: UpdateOptions): boolean {
  const { data } = options
  const old = data.sums !== undefined || rowsIn(data.exemplars) > 0
  const usual = methodOf({ ...options, method: undefined })
  return addsClasses(options) && old && methodOf(options) === usual
}

/** Whether all that a rung trains lies above a cut. Low-rank updates may stand anywhere. */
function trainsAbove(rung: Rung, cut: Place, { model, select, lora }: UpdateOptions): boolean {
  if (lora) return false
  const part = partOf(rung, model)
  const trained = rung.cut || !select ? part.parameters.keys() : selectParameters(model, select)
  const open = namesOf(modelAbove(model, cut))
  return [...trained, ...part.buffers.keys()].every((name) => open.has(name))
}

const namesOf = ({ parameters, buffers }: Model): ReadonlySet<string> =>
  new Set([...parameters.keys(), ...buffers.keys()])
