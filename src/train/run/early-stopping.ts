import { GraphBuilder } from '../../autodiff/builder.ts'
import { type Dataset, samples } from '../../data/dataset.ts'
import { inMemory } from '../../data/spilled-rows.ts'
import type { Engine } from '../../engine/engine.ts'
import type { Evaluator } from '../../evaluate/evaluate.ts'
import type { Json } from '../../methods/method.ts'
import { type LossOptions, lossKind, taskLoss } from '../../model/losses/index.ts'
import { encodeGraph } from '../../onnx/encode.ts'
import { itemAt, required } from '../../required.ts'
import type { Task, TaskStream } from '../../tasks/stream.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import type { RunState } from './checkpoint.ts'
import { diverged } from './diverged.ts'
import type { HeldOut } from './stopping-rows.ts'

/** The best that a task has come to so far. */
export interface Best {
  readonly loss: number
  readonly step: number
  /** Steps of the optimiser at that point. */
  readonly updates: number
  readonly tensors: ReadonlyMap<string, Tensor>
}

/** Watches the held-out loss of one task. */
export interface Watch {
  readonly every: number
  /** Measures, and remembers what is best so far. Returns true when the task should end. */
  look(now: {
    readonly step: number
    readonly updates: number
    readonly tensors: ReadonlyMap<string, Tensor>
    /** A copy of the tensors that training leaves alone. */
    readonly snapshot: () => Promise<ReadonlyMap<string, Tensor>>
  }): Promise<boolean>
  best(): Best | undefined
  /** What a checkpoint has to hold for a watch to go on from here: `early`, and tensors beside the run's own. */
  saved(): { readonly early: Json; readonly tensors: ReadonlyMap<string, Tensor> }
  dispose(): Promise<void>
}

interface Saved {
  readonly loss: number
  readonly step: number
  readonly updates: number
  readonly waited: number
}

const PREFIX = 'best/'

/** Opens a watch where `state` stands, in the middle of a task too. */
export async function openWatch(
  given: {
    readonly engine: Engine
    readonly evaluator: Evaluator
    readonly heldOut: HeldOut
    readonly loss: LossOptions
  },
  task: Task,
  state: RunState,
): Promise<Watch> {
  const { evaluator, heldOut } = given
  const validation = heldOut.validation(task.index)
  const measure = await validationLoss(given.engine, heldOut.stream, task, validation, given.loss)
  const from = state.early as unknown as Saved | null
  let best: Best | undefined = from ? { ...from, tensors: under(state.tensors) } : undefined
  let waited = from?.waited ?? 0
  return {
    every: heldOut.every,
    look: async ({ step, updates, tensors, snapshot }) => {
      const loss = await measure.run(await evaluator.logits(validation, tensors))
      if (best === undefined || loss < best.loss) {
        best = { loss, step, updates, tensors: await snapshot() }
        waited = 0
        return false
      }
      waited++
      return waited >= heldOut.patience
    },
    best: () => best,
    saved: () => {
      if (!best) return { early: null, tensors: new Map() }
      const { loss, step, updates, tensors } = best
      return {
        early: { loss, step, updates, waited },
        tensors: new Map([...tensors].map(([name, tensor]) => [`${PREFIX}${name}`, tensor])),
      }
    },
    dispose: measure.dispose,
  }
}

const under = (tensors: ReadonlyMap<string, Tensor>): Map<string, Tensor> =>
  new Map(
    [...tensors].flatMap(([name, tensor]) =>
      name.startsWith(PREFIX) ? [[name.slice(PREFIX.length), tensor] as const] : [],
    ),
  )

/** The loss that training lowers, of given logits [N, outputs] or [N, T, outputs], without label smoothing. */
async function validationLoss(
  engine: Engine,
  stream: TaskStream,
  task: Task,
  validation: Dataset,
  options: LossOptions,
): Promise<{ run(logits: Tensor): Promise<number>; dispose(): Promise<void> }> {
  const builder = new GraphBuilder()
  const labels = inMemory<'int32' | 'float32'>(validation.labels) as Dataset['labels']
  const mask = float32([stream.outputs])
  for (const unit of task.units) mask.data[unit] = 1
  const kind = lossKind(options, validation)
  const rows = labels.type === 'int32' ? labels.dims : [samples(validation)]
  const loss = taskLoss(builder, {
    logits: builder.input('logits', { type: 'float32', dims: [...rows, stream.outputs] }),
    labels: builder.input('labels', labels),
    mask: stream.scenario === 'task' ? builder.constant(mask) : undefined,
    weights: undefined,
    kind,
  })
  builder.output(loss, 'loss')
  const executable = await engine.load(encodeGraph(builder.finish('validation')))
  return {
    run: async (logits) => {
      const feeds = new Map<string, Tensor>([
        ['logits', logits],
        ['labels', labels],
      ])
      const outputs = await executable.run(feeds)
      const value = itemAt(required(outputs, 'loss', 'output').data as Float32Array, 0, 'loss')
      if (!Number.isFinite(value)) {
        throw diverged(`the loss on the held-out rows of task "${task.name}" is ${value}`)
      }
      return value
    },
    dispose: () => executable.dispose(),
  }
}
