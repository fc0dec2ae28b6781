import { readFileSync } from 'node:fs'
import { createDataset, type Dataset } from '../src/data/dataset.ts'
import { ortNode } from '../src/engine/ort-node.ts'
import { mlp } from '../src/model/layers/networks.ts'
import type { Model } from '../src/model/model.ts'
import { splitStream } from '../src/tasks/split.ts'
import type { Scenario, TaskStream } from '../src/tasks/stream.ts'
import { randomStream } from '../src/tensor/random.ts'
import { readSafetensors } from '../src/tensor/safetensors.ts'
import { float32, type Tensor, toNumbers } from '../src/tensor/tensor.ts'
import { decodeCheckpoint, encodeCheckpoint } from '../src/train/run/checkpoint.ts'
import type { LearnEvent } from '../src/train/run/events.ts'
import { learn } from '../src/train/run/learn.ts'
import type { CheckpointStore, LearnOptions, LearnResult } from '../src/train/run/options.ts'
import { sgd } from '../src/train/step/optimisers.ts'

// Tiny data and models to learn in milliseconds, and what PyTorch says of small modules.

export const engine = ortNode({ threads: 1 })

/** Points around a centre for each class, [perClass * classes, width], classes in turn. */
export function toyData(
  options: { classes?: number; perClass?: number; width?: number; seed?: number; dims?: number[] } = {},
): Dataset {
  const { classes = 6, perClass = 10, width = 5, seed = 1 } = options
  const centres = float32([classes, width])
  randomStream(0, 'centres').fillNormal(centres.data, 0, 1.5)
  const noise = randomStream(seed, 'noise')
  const rows = classes * perClass
  const inputs = float32([rows, ...(options.dims ?? [width])])
  for (let at = 0; at < rows * width; at++) {
    const label = Math.floor(at / width) % classes
    inputs.data[at] = (centres.data[label * width + (at % width)] ?? 0) + noise.normal()
  }
  return createDataset({
    name: 'toy points',
    inputs,
    labels: {
      type: 'int32',
      dims: [rows],
      data: Int32Array.from({ length: rows }, (_, row) => row % classes),
    },
    classes: Array.from({ length: classes }, (_, label) => `class ${label}`),
  })
}

/** Three tasks of two classes. */
export function toyStream(scenario: Scenario, options: Parameters<typeof toyData>[0] = {}): TaskStream {
  return splitStream(toyData(options), toyData({ ...options, seed: 2 }), { scenario, classesPerTask: 2 })
}

export const toyModel = (stream: TaskStream, seed = 0): Model => mlp({ widths: [5, 7, stream.outputs], seed })

/** Options for a run over a toy stream; whatever is given replaces the defaults. */
export function toyOptions(
  given: Pick<LearnOptions, 'method' | 'stream'> & Partial<LearnOptions>,
): LearnOptions {
  return {
    engine,
    model: given.model ?? toyModel(given.stream),
    settings: { optimiser: sgd({ momentum: 0.9 }) },
    iterations: 20,
    batchSize: 8,
    learningRate: 0.05,
    seed: 3,
    ...given,
  }
}

/** Runs to the end; what was said on the way, and what it left. */
export async function runToEnd(
  options: LearnOptions,
): Promise<{ events: LearnEvent[]; result: LearnResult }> {
  const events: LearnEvent[] = []
  const run = learn(options)
  for (;;) {
    const next = await run.next()
    if (next.done) return { events, result: next.value }
    events.push(next.value)
  }
}

/** Keeps checkpoints as the bytes that a file would hold. */
export function memoryStore(): CheckpointStore & { bytes: Uint8Array | undefined; saves: number } {
  return {
    bytes: undefined,
    saves: 0,
    async save(state) {
      this.bytes = encodeCheckpoint(state, 'toy')
      this.saves++
    },
    async load() {
      return this.bytes && decodeCheckpoint(this.bytes, 'toy')
    },
  }
}

/** A text that is equal for equal bits, and only then. */
export const bitsOf = (tensors: ReadonlyMap<string, Tensor>): string =>
  [...tensors]
    .map(([name, { dims, data }]) => {
      const { buffer, byteOffset, byteLength } = data as Float32Array
      return `${name} [${dims}] ${Buffer.from(buffer, byteOffset, byteLength).toString('hex')}`
    })
    .sort()
    .join('\n')

const fixtures = new URL('./fixtures/torch/', import.meta.url)

export const torchBytes = (file: string): Uint8Array => new Uint8Array(readFileSync(new URL(file, fixtures)))

/** The tensors of one of PyTorch's files; asking for one that is not there fails. */
export function torchValues(name: string): (key: string) => Tensor {
  const { tensors } = readSafetensors(torchBytes(`${name}.safetensors`))
  return (key) => {
    const found = tensors.get(key)
    if (!found) throw new Error(`${name}.safetensors has no ${key}`)
    return found
  }
}

/** The largest difference, against the largest expected size or `least`, if that is larger: zeros do not spoil it. */
export function relativeError(found: Tensor | undefined, expected: Tensor, least = 0): number {
  const wanted = toNumbers(expected)
  const values = found ? toNumbers(found) : []
  if (values.length !== wanted.length) return Number.POSITIVE_INFINITY
  const size = Math.max(least, largest(expected))
  const worst = values.reduce((most, value, at) => {
    const distance = Math.abs(value - (wanted[at] ?? 0))
    return Number.isNaN(distance) ? Number.POSITIVE_INFINITY : Math.max(most, distance)
  }, 0)
  return size === 0 ? worst : worst / size
}

export const largest = (tensor: Tensor): number =>
  toNumbers(tensor).reduce((most, value) => Math.max(most, Math.abs(value)), 0)
