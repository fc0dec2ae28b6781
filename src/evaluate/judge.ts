import { classLabels, type Dataset, samples } from '../data/dataset.ts'
import type { Engine } from '../engine/engine.ts'
import type { Model } from '../model/model.ts'
import { float32, type Tensor } from '../tensor/tensor.ts'
import { createEvaluator } from './evaluate.ts'

/** What a model answered for labelled rows. */
export interface Answers {
  /** float32 [N, classes] */
  readonly logits: Tensor<'float32'>
  /** The class that is right, a row. */
  readonly labels: Int32Array
}

/** Answers for data with any weights of one model. */
export interface Judge {
  /** Logits [N, outputs]; no rows for no data. Default the model's own weights. */
  logits(data: Dataset | undefined, weights?: ReadonlyMap<string, Tensor>): Promise<Tensor<'float32'>>
  /** The same with the labels beside them. */
  answers(data: Dataset | undefined, weights?: ReadonlyMap<string, Tensor>): Promise<Answers>
  dispose(): Promise<void>
}

/** @param outputs How many logits the model has. */
export function openJudge(engine: Engine, model: Model, outputs: number): Judge {
  const evaluator = createEvaluator(engine, model, outputs, 250)
  const own = new Map([...model.parameters, ...model.buffers])
  const logits: Judge['logits'] = async (data, weights = own) => {
    if (!data || samples(data) === 0) return float32([0, outputs])
    const state = new Map<string, Tensor>()
    for (const [name, tensor] of weights) {
      state.set(`${model.buffers.has(name) ? 'buffer' : 'parameter'}/${name}`, tensor)
    }
    return evaluator.logits(data, state)
  }
  return {
    logits,
    answers: async (data, weights) => ({
      logits: await logits(data, weights),
      labels: data ? classLabels(data) : new Int32Array(),
    }),
    dispose: () => evaluator.dispose(),
  }
}
