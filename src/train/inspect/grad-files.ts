import type { Engine } from '../../engine/engine.ts'
import { UsageError } from '../../errors.ts'
import type { FromOnnxOptions } from '../../model/import/index.ts'
import { loadModel } from '../../model/import/index-files.ts'
import { readBytes } from '../../tensor/reads-files.ts'
import { readSafetensors, writeSafetensors } from '../../tensor/safetensors.ts'
import { writeWhole } from '../../tensor/whole-files.ts'
import { type GradLoss, lossAndGradients } from './grad.ts'

export interface GradFileOptions {
  readonly engine: Engine
  /** A safetensors file with every input of the graph by name, and `labels`. */
  readonly batch: string
  readonly loss: GradLoss
  /** The value that holds the logits, where the file does not tell. */
  readonly output?: string | undefined
  /** Values for inputs of the model, by name, as `modelFromOnnx` takes them. */
  readonly bind?: FromOnnxOptions['bind']
}

/** What `holdfast grad` prints. */
export interface GradSummary {
  readonly loss: number
  /** How many parameters a gradient was written for. */
  readonly parameters: number
  readonly seconds: number
}

/**
 * Writes the gradients of one batch: a safetensors file with one tensor a parameter, by its name in the model's file.
 *
 * @throws UsageError `batch-not-found`; and what {@link lossAndGradients}, `loadModel` and `readSafetensors` throw.
 * @example
 * const { loss } = await gradFile('model.onnx', 'g.safetensors', { engine, batch: 'b.safetensors', loss: 'mse' })
 */
export async function gradFile(path: string, out: string, options: GradFileOptions): Promise<GradSummary> {
  const started = performance.now()
  const { model } = await loadModel(path, { output: options.output, bind: options.bind })
  const bytes = await readBytes(options.batch, {
    kind: UsageError,
    code: 'batch-not-found',
    way: "Give a safetensors file with the model's inputs and labels.",
  })
  const { tensors } = readSafetensors(bytes)
  const { loss, gradients } = await lossAndGradients({
    engine: options.engine,
    model,
    batch: tensors,
    loss: options.loss,
  })
  await writeWhole(out, writeSafetensors(gradients))
  return { loss, parameters: gradients.size, seconds: (performance.now() - started) / 1000 }
}
