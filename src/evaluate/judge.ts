import { classLabels, type Dataset } from '../data/dataset.ts'
import type { Engine } from '../engine/engine.ts'
import type { Model } from '../model/model.ts'
import { float32, type Tensor } from '../tensor/tensor.ts'
import { openReader } from './reader.ts'

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
  const reader = openReader(engine, model, outputs)
  const logits: Judge['logits'] = async (data, weights) =>
    data ? reader.logits(data, weights) : float32([0, outputs])
  return {
    logits,
    answers: async (data, weights) => ({
      logits: await logits(data, weights),
      labels: data ? classLabels(data) : new Int32Array(),
    }),
    dispose: () => reader.dispose(),
  }
}
