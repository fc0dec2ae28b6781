import { openReader } from '../../evaluate/reader.ts'
import { emptyState, type MethodState } from '../../methods/method.ts'
import { consolidationOf } from '../../methods/past.ts'
import { randomStream } from '../../tensor/random.ts'
import type { LearnOptions } from './options.ts'
import { pastContext } from './task-context.ts'

/** What a run's method remembers of the model that it is given, before anything is trained; nothing of a new one. */
export async function givenState(options: LearnOptions): Promise<MethodState> {
  const { engine, model, method, past, stream, batchSize, seed } = options
  if (!past) return emptyState
  const task = pastContext(stream, batchSize, past)
  const consolidate = consolidationOf(method, { train: task.train, trace: undefined })
  if (!consolidate) return emptyState
  const fresh = new Set(past.fresh)
  const parameters = new Map([...model.parameters].filter(([name]) => !fresh.has(name)))
  const reader = openReader(engine, model, stream.outputs)
  try {
    const { state } = await consolidate(emptyState, {
      ...{ ...task, engine, model, parameters, buffers: model.buffers, reader, trace: undefined },
      random: (name) => randomStream(seed, `given/${name}`),
    })
    return state
  } finally {
    await reader.dispose()
  }
}
