import { z } from 'zod'

declare module 'zod' {
  interface GlobalMeta {
    /** Why a number has its bounds, for messages. */
    because?: string | undefined
  }
}

const whole = (least: number, most: number, because: string) => z.int().min(least).max(most).meta({ because })
const real = (least: number, most: number, because: string) =>
  z.number().min(least).max(most).meta({ because })

const endless = 'a longer training would not come to an end'
const fast = 'a larger one diverges at the first step'
const float32 = 'models compute with float32'

/**
 * What numbers that people give may be: whatever makes sense on any machine, and nothing that could only end in a crash, in an endless
 * run or in numbers that are none. Flags and configurations have their bounds, and the reason, from here.
 *
 * @example batchSize: bounds.batch().default(128)
 */
export const bounds = {
  threads: () => whole(1, 256, 'each takes memory, and more than there are cores only wait'),
  jobs: () => whole(1, 256, 'each run has a thread and the data for itself'),
  /** Rows that one step, or one pass, computes together. */
  batch: () => whole(1, 2 ** 20, 'all rows of a step are in memory at once'),
  steps: () => whole(1, 1e9, endless),
  epochs: () => whole(1, 1e6, endless),
  trials: () => whole(1, 100, 'each trains anew'),
  tasks: () => whole(1, 10_000, 'each has data and a measurement of its own'),
  /** Rows of data, or classes, that there may be. */
  rows: (least = 1) => whole(least, 2 ** 31 - 1, 'rows are counted in 32 bits'),
  /** Rows of digits that may be drawn. */
  samples: () => whole(1, 1e7, 'more is not held in memory'),
  points: () => whole(2, 10_000, 'at each of them the model answers all rows'),
  /** Units, channels and other dims of a layer. */
  width: () => whole(1, 2 ** 20, 'a layer has to fit in memory'),
  /** Random features before a head. */
  expansion: () => whole(1, 4096, 'the products of all pairs of them are kept'),
  layers: () => whole(1, 1000, 'the graph has to fit in memory'),
  pixels: () => whole(1, 65_535, 'no format has larger images'),
  /** At 0 nothing is learned. */
  learningRate: () => z.number().gt(0).max(1e6).meta({ because: fast }),
  /** What logits are divided by. */
  temperature: () => real(1e-3, 1e6, float32),
  momentum: () => real(0, 1, 'above it grows without end'),
  /** Tokens that a model writes, or draws from. */
  tokens: () => whole(1, 2 ** 20, 'no model has more words, nor a longer text in view'),
  /** Of what is drawn from. */
  topShare: () => real(1e-6, 1, 'of nothing no token could be drawn'),
  /** Any other number that a graph computes with. */
  number: () => real(-1e30, 1e30, float32),
  fromZero: () => real(0, 1e30, float32),
  aboveZero: () => z.number().gt(0).max(1e30).meta({ because: float32 }),
} as const
