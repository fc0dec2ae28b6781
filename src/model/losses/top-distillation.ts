import { GraphBuilder } from '../../autodiff/builder.ts'
import { UsageError } from '../../errors.ts'
import {
  add,
  cast,
  div,
  type Emitter,
  filled,
  ints,
  mul,
  neg,
  reduceSum,
  reshape,
  scalar,
  scale,
  sub,
  type Value,
} from '../../ops/core/index.ts'
import { matrixDims, total } from './classes.ts'
import { MANY_CLASSES, overHead } from './head-rows.ts'
import { linearHead } from './linear-head.ts'

export interface TopDistillationOptions {
  /** Logits of the model being trained, [B, C]. */
  readonly student: Value
  /** Of each row the classes that the teacher thinks likeliest, int32 or int64 [B, k], each once. */
  readonly ids: Value
  /** Their log-probabilities, [B, k]. */
  readonly logProbabilities: Value
  /** What the teacher's logits were divided by for these; the student's are, too. Default 1: the teacher's own probabilities. */
  readonly temperature?: number | undefined
  /** Multiplies by T^2, so that the gradient's size does not fall with T (Hinton et al. 2015). Default false. */
  readonly scaleByTemperature?: boolean | undefined
  /** One factor a row, [B]; the mean is still over B. Default 1 each. */
  readonly weights?: Value | undefined
  /** Logits that stand at one time, as numbers; see {@link overHead}. */
  readonly most?: number | undefined
}

/** Below this a share of the student counts as this much: its logarithm stays a number. */
const LEAST_SHARE = 1e-30

/**
 * Distillation from the teacher's likeliest classes S alone, a scalar: the mean over the batch of
 *
 *     - sum_{i in S} q_i log p_i - q_r log p_r,   q_r = 1 - sum_{i in S} q_i,   p_r = sum_{i not in S} p_i
 *
 * with q the teacher's shares and p = softmax(student / T): the cross-entropy (Hinton et al. 2015) where all classes outside of S are one
 * more class. By the log-sum inequality it is at most that over all classes (both less the teacher's entropy), and equal to it where S is
 * all there are. Without that class, as S is often used, the student is taught to give the rest nothing, and is biased (Anshumann et al. 2025,
 * ACL, arXiv 2503.16870); with it the rest's share is held, and how it is dealt out within stays the student's own. The gradient of
 * logit j is (p_j - q_j) / T in S and p_j (1 - q_r / p_r) / T outside.
 *
 * A temperature cannot be chosen afterwards: q_i^(1/T) has a sum over all classes, of which only S is known.
 *
 * Of many classes, logits that a head without bias gives never stand whole where they are large: see {@link overHead}.
 *
 * @throws UsageError `temperature`, `loss-dims`.
 */
export function topDistillation(emit: Emitter, options: TopDistillationOptions): Value {
  const { student, temperature = 1, scaleByTemperature = false, weights, most } = options
  const [batch, classes] = matrixDims('topDistillation', student)
  const k = checkTop(options, [batch, classes], temperature)
  const factor = (scaleByTemperature ? temperature ** 2 : 1) / batch
  const even = scalar(emit, factor, student)
  const share = weights
    ? mul(emit, reshape(emit, weights, [batch, 1]), even)
    : emit.op('Expand', [even, ints(emit, [batch, 1])])
  const form: Form = { temperature, rest: k < classes }
  const reads = [cast(emit, options.ids, 'int64'), options.logProbabilities]
  const head = classes >= MANY_CLASSES && emit instanceof GraphBuilder ? linearHead(emit, student) : undefined
  if (head && emit instanceof GraphBuilder) {
    const loss = {
      reads,
      of: (into: Emitter, given: { logits: Value; reads: readonly Value[]; share: Value }) => {
        const known = taught(into, given.logits, given.reads, form)
        return {
          value: costs(into, known, given.share),
          slope: (further: Emitter) => slopeOf(further, known, form),
        }
      },
    }
    return overHead(emit, head, share, loss, most === undefined ? {} : { most })
  }
  return costs(emit, taught(emit, student, reads, form), share)
}

function checkTop(
  { ids, logProbabilities }: TopDistillationOptions,
  [batch, classes]: readonly [number, number],
  temperature: number,
): number {
  if (!(temperature > 0)) {
    throw new UsageError(
      'temperature',
      `The temperature of a distillation is above 0, but it is ${temperature}.`,
    )
  }
  const [rows, k = 0] = ids.dims
  const same = logProbabilities.dims.join() === ids.dims.join()
  if (ids.dims.length === 2 && rows === batch && same && k >= 1 && k <= classes) return k
  throw new UsageError(
    'loss-dims',
    `topDistillation takes ids and log-probabilities [B, k] beside logits [B, C], k from 1 to C, but got [${ids.dims}], [${logProbabilities.dims}] and [${batch}, ${classes}].`,
  )
}

interface Form {
  readonly temperature: number
  /** Whether there are classes outside of S. */
  readonly rest: boolean
}

/** What is known of some rows. */
interface Taught {
  readonly ids: Value
  /** q of S, [r, k]. */
  readonly shares: Value
  /** log p of all classes, [r, C]. */
  readonly chances: Value
  /** Where there are classes outside of S: 1 for them and 0 in S [r, C], their share for the teacher and the student [r, 1]. */
  readonly outside: { readonly mask: Value; readonly wanted: Value; readonly given: Value } | undefined
}

function taught(emit: Emitter, logits: Value, reads: readonly Value[], { temperature, rest }: Form): Taught {
  const [ids, logs] = reads
  if (!ids || !logs) throw new UsageError('loss-dims', 'topDistillation reads ids and log-probabilities.')
  const shares = emit.op('Exp', [logs])
  const soft = temperature === 1 ? logits : scale(emit, logits, 1 / temperature)
  const chances = emit.op('LogSoftmax', [soft], { axis: -1 })
  if (!rest) return { ids, shares, chances, outside: undefined }
  const mask = emit.op('ScatterElements', [filled(emit, 1, logits), ids, filled(emit, 0, shares)], {
    axis: 1,
  })
  const left = sub(emit, scalar(emit, 1, shares), reduceSum(emit, shares, [1], true))
  // What rounding leaves may lie just below 0.
  const wanted = emit.op('Max', [left, scalar(emit, 0, left)])
  const sum = reduceSum(emit, mul(emit, emit.op('Exp', [chances]), mask), [1], true)
  const given = emit.op('Max', [sum, scalar(emit, LEAST_SHARE, sum)])
  return { ids, shares, chances, outside: { mask, wanted, given } }
}

/** - sum_i w (sum_S q log p + q_r log p_r) */
function costs(emit: Emitter, { ids, shares, chances, outside }: Taught, share: Value): Value {
  const own = emit.op('GatherElements', [chances, ids], { axis: 1 })
  const inside = reduceSum(emit, mul(emit, shares, own), [1], true)
  const all = outside ? add(emit, inside, mul(emit, outside.wanted, emit.op('Log', [outside.given]))) : inside
  return neg(emit, total(emit, mul(emit, all, share)))
}

/** p - q in S and p (1 - q_r / p_r) outside, over T. */
function slopeOf(emit: Emitter, { ids, shares, chances, outside }: Taught, { temperature }: Form): Value {
  const p = emit.op('Exp', [chances])
  const kept = outside
    ? mul(
        emit,
        p,
        sub(emit, scalar(emit, 1, p), mul(emit, outside.mask, div(emit, outside.wanted, outside.given))),
      )
    : p
  const slope = emit.op('ScatterElements', [kept, ids, neg(emit, shares)], { axis: 1, reduction: 'add' })
  return temperature === 1 ? slope : scale(emit, slope, 1 / temperature)
}
