import type { Engine } from '../src/engine/engine.ts'
import { compose } from '../src/methods/compose.ts'
import { ewc } from '../src/methods/ewc.ts'
import { replay } from '../src/methods/replay.ts'
import { mlp } from '../src/model/layers/networks.ts'
import { splitStream } from '../src/tasks/split.ts'
import { toNumbers } from '../src/tensor/tensor.ts'
import { learn } from '../src/train/run/index.ts'
import { adam } from '../src/train/step/index.ts'
import { blobNames, blobs } from './blobs.ts'

/** What a run of three tasks came to, as JSON. */
export interface WebRun {
  readonly accuracies: readonly (readonly number[])[]
  readonly parameters: Readonly<Record<string, readonly number[]>>
}

/** Three tasks of two classes each with EWC and replay: steps in loops or flat, a Fisher, answers. */
export async function webRun(engine: Engine): Promise<WebRun> {
  const train = blobs({ classes: blobNames, perClass: 40, seed: 1 })
  const test = blobs({ classes: blobNames, perClass: 20, seed: 2 })
  const stream = splitStream(train, test, { scenario: 'class', classesPerTask: 2 })
  const run = learn({
    ...{ engine, stream, model: mlp({ widths: [2, 16, stream.outputs], seed: 1 }) },
    method: compose(ewc({ lambda: 10 }), replay({ perClass: 10 })),
    settings: { optimiser: adam() },
    ...{ iterations: 24, batchSize: 32, learningRate: 1e-2, seed: 1 },
  })
  const accuracies: (readonly number[])[] = []
  for (;;) {
    const { done, value } = await run.next()
    if (done) {
      const parameters = [...value.model.parameters].map(([name, tensor]) => [name, [...toNumbers(tensor)]])
      return { accuracies, parameters: Object.fromEntries(parameters) }
    }
    if (value.type === 'task-finished') accuracies.push(value.accuracies)
  }
}
