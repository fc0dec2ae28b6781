import type { GraphBuilder } from '../../autodiff/builder.ts'
import {
  type Emitter,
  ints,
  mul,
  neg,
  reshape,
  scalar,
  scale,
  sub,
  type Value,
} from '../../ops/core/index.ts'
import { elements, total } from './classes.ts'
import { type HeadRowsOptions, overHead, product } from './head-rows.ts'
import type { LinearHead } from './linear-head.ts'

export interface HeadDistillationOptions extends HeadRowsOptions {
  readonly student: LinearHead
  readonly teacher: LinearHead
  readonly temperature: number
  /** Multiplies the mean. */
  readonly factor: number
  /** One factor a row, [B]. */
  readonly weights?: Value | undefined
}

/**
 * What `distillation` gives for logits [B, C] that two heads without bias make, to rounding, for less memory: see {@link overHead}.
 * With p and q the softmaxes of student and teacher at temperature T the slope of the student's logits is (p - q) / T.
 */
export function headDistillation(builder: GraphBuilder, options: HeadDistillationOptions): Value {
  const { student, teacher, temperature, factor, weights } = options
  const rows = elements(student.logits) / (student.logits.dims.at(-1) ?? 1)
  const even = scalar(builder, factor / rows, student.features)
  const share = weights
    ? mul(builder, reshape(builder, weights, [rows, 1]), even)
    : builder.op('Expand', [even, ints(builder, [rows, 1])])
  const width = elements(teacher.features) / rows
  const soften = (emit: Emitter, logits: Value): Value => scale(emit, logits, 1 / temperature)
  const loss = {
    reads: [reshape(builder, teacher.features, [rows, width])],
    of: (emit: Emitter, given: { logits: Value; reads: readonly Value[]; share: Value }) => {
      const [taught = teacher.features] = given.reads
      const wanted = emit.op('Softmax', [soften(emit, product(emit, taught, teacher))], { axis: -1 })
      const chances = emit.op('LogSoftmax', [soften(emit, given.logits)], { axis: -1 })
      return {
        value: neg(emit, total(emit, mul(emit, mul(emit, wanted, chances), given.share))),
        slope: (into: Emitter) => soften(into, sub(into, into.op('Exp', [chances]), wanted)),
      }
    },
  }
  return overHead(builder, student, share, loss, options)
}
