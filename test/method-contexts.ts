import type { GraphBuilder } from '../src/autodiff/builder.ts'
import { gradients } from '../src/autodiff/gradients.ts'
import { openReader } from '../src/evaluate/reader.ts'
import type { ConsolidateContext, Method, MethodState, StepContext } from '../src/methods/method.ts'
import type { Model } from '../src/model/model.ts'
import { filled, type Value } from '../src/ops/core/index.ts'
import type { TaskStream } from '../src/tasks/stream.ts'
import { randomStream } from '../src/tensor/random.ts'
import { float32 } from '../src/tensor/tensor.ts'
import { taskContext } from '../src/train/run/task-context.ts'
import { engine, toyModel } from './toy-learning.ts'

// What methods are handed, for tests of one hook at a time.

/** A step's context in one graph, with what a test does not need left empty. */
export function stepContext(builder: GraphBuilder, given: Partial<StepContext>): StepContext {
  const nothing = builder.constant(float32([], [0]))
  const parameters = given.parameters ?? new Map()
  return {
    ...{ outer: builder, step: builder, parameters, initial: parameters, buffers: new Map() },
    ...{ iterations: 1, head: () => ({ weight: 'weight', bias: 'bias', classAxis: 0 }) },
    ...{ inputs: new Map(), slots: new Map(), sources: new Map() },
    ...{ batch: nothing, labels: nothing, logits: nothing, rows: nothing, mask: undefined, mixed: undefined },
    ...{
      asFarAsRead: (value: Value) => value,
      features: () => nothing,
      forward: () => nothing,
      loss: () => nothing,
    },
    gradients: (loss) => {
      const found = gradients(builder, loss, [...parameters.values()])
      return new Map(
        [...parameters].map(([name, value], at) => [name, found[at] ?? filled(builder, 0, value)]),
      )
    },
    learningRate: builder.constant(float32([], [1])),
    ...given,
  }
}

/** The end of a task of a stream. Sessions are left to the process: tests of one method open few. */
export function endOfTask(
  stream: TaskStream,
  index: number,
  given: Partial<ConsolidateContext> & { readonly model?: Model } = {},
): ConsolidateContext {
  const { model = toyModel(stream) } = given
  const { parameters, buffers } = model
  return {
    ...taskContext(stream, index, 8),
    ...{ engine, model, parameters, buffers },
    reader: openReader(engine, model, stream.outputs),
    random: (name) => randomStream(index, name),
    trace: { sources: () => [], samplers: {}, slots: new Map() },
    ...given,
  }
}

/** What a method remembers at a task's end. */
export async function rememberedBy(
  method: Method,
  state: MethodState,
  context: ConsolidateContext,
): Promise<MethodState> {
  const found = await method.consolidate?.(state, context)
  if (!found) throw new Error(`${method.name} remembers nothing`)
  return found.state
}
