import { GraphBuilder } from '../../autodiff/builder.ts'
import { UsageError } from '../../errors.ts'
import { type Emitter, mul, reshape, scale, type Value } from '../../ops/core/index.ts'
import { masked, matrixDims, total } from './classes.ts'
import { headDistillation } from './head-distillation.ts'
import { MANY_CLASSES } from './head-rows.ts'
import { linearHead } from './linear-head.ts'

export interface DistillationOptions {
  /** Logits of the model being trained, [B, C]. */
  readonly student: Value
  /** Logits of the model to stay close to, [B, C]. No gradient is meant to pass here. */
  readonly teacher: Value
  /** Divides both logits. Default 2, as Li and Hoiem have it. */
  readonly temperature?: number
  /** As in {@link crossEntropy}, for both softmaxes. */
  readonly mask?: Value
  /** Multiplies by T^2, so that the gradient's size does not fall with T (Hinton et al. 2015). Default false. */
  readonly scaleByTemperature?: boolean
  /** One factor a sample, [B]; the mean is still over B. */
  readonly weights?: Value | undefined
}

/**
 * Mean over the batch of -sum_c softmax(teacher / T)_c log softmax(student / T)_c, a scalar: learning without
 * forgetting (Li and Hoiem 2016) in the form of van de Ven et al. 2022, without the factor T^2. Of many classes, logits that heads without
 * bias give never stand whole where they are large: {@link headDistillation}.
 *
 * @throws UsageError `temperature`, `loss-dims`.
 */
export function distillation(emit: Emitter, options: DistillationOptions): Value {
  const { student, teacher, temperature = 2, mask, scaleByTemperature = false, weights } = options
  const [batch, classes] = matrixDims('distillation', student)
  if (!(temperature > 0)) {
    throw new UsageError(
      'temperature',
      `The temperature of a distillation is above 0, but it is ${temperature}.`,
    )
  }
  if (student.dims.join() !== teacher.dims.join()) {
    throw new UsageError(
      'loss-dims',
      `distillation compares logits of equal dims, but the student's are [${student.dims}], the teacher's [${teacher.dims}].`,
    )
  }
  if (!mask && classes >= MANY_CLASSES && emit instanceof GraphBuilder) {
    const heads = { student: linearHead(emit, student), teacher: linearHead(emit, teacher) }
    const scaled = scaleByTemperature ? temperature ** 2 : 1
    if (heads.student && heads.teacher) {
      const { student: own, teacher: other } = heads
      return headDistillation(emit, { student: own, teacher: other, temperature, factor: scaled, weights })
    }
  }
  const soften = (logits: Value): Value => masked(emit, scale(emit, logits, 1 / temperature), mask)
  const factor = (scaleByTemperature ? temperature ** 2 : 1) / batch
  const even = scale(emit, emit.op('Softmax', [soften(teacher)], { axis: -1 }), -factor)
  const targets = weights ? mul(emit, even, reshape(emit, weights, [batch, 1])) : even
  return total(emit, mul(emit, emit.op('LogSoftmax', [soften(student)], { axis: -1 }), targets))
}
