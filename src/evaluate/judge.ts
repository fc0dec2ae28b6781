import { classLabels, type Dataset, samples } from '../data/dataset.ts'
import type { Engine } from '../engine/engine.ts'
import type { Model } from '../model/model.ts'
import { float32, type Tensor } from '../tensor/tensor.ts'
import { frozenOutputs } from './frozen-outputs.ts'
import { openReader, withWeights } from './reader.ts'

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
  /** The same, but for the last digits: for weights that are asked for many rows once; see `eachFrozenOutput`. */
  answersOnce(data: Dataset | undefined, weights?: ReadonlyMap<string, Tensor>): Promise<Answers>
  dispose(): Promise<void>
}

/** @param outputs How many logits the model has. */
export function openJudge(engine: Engine, model: Model, outputs: number): Judge {
  const reader = openReader(engine, model, outputs)
  const logits: Judge['logits'] = async (data, weights) =>
    data ? reader.logits(data, weights) : float32([0, outputs])
  const once: Judge['logits'] = async (data, weights = new Map()) =>
    data && samples(data) > 0
      ? frozenOutputs(engine, withWeights(model, weights), data)
      : float32([0, outputs])
  const asked =
    (how: Judge['logits']): Judge['answers'] =>
    async (data, weights) => ({
      logits: await how(data, weights),
      labels: data ? classLabels(data) : new Int32Array(),
    })
  return {
    logits,
    answers: asked(logits),
    answersOnce: asked(once),
    dispose: () => reader.dispose(),
  }
}
