import { xoroshiro128plusFromState } from 'pure-rand/generator/xoroshiro128plus'
import { CheckpointError, UsageError } from '../errors.ts'

/** Where a stream stands, to be kept in a checkpoint. Survives JSON. */
export interface RandomState {
  /** The generator's 128 bits as four signed 32-bit words. */
  readonly words: readonly number[]
  /** The second of the last pair of normal numbers, if it was not handed out yet. */
  readonly normal: number | null
}

/** A source of random numbers that changes as it is drawn from. The same draws in the same order give the same numbers. */
export interface RandomStream {
  /** In [0, 1), with 53 random bits. */
  uniform(): number
  /** A whole number in [0, below), without bias; `below` is at most 2^32. */
  integer(below: number): number
  /** From the standard normal distribution. */
  normal(): number
  /** Puts the entries in random order, in place, and hands the same array back. */
  shuffle<A extends { [index: number]: unknown; readonly length: number }>(array: A): A
  /** The numbers 0 to n - 1 in random order. */
  permutation(n: number): Int32Array<ArrayBuffer>
  /** k different numbers of [0, n), in random order. */
  choose(n: number, k: number): Int32Array<ArrayBuffer>
  /** Fills with numbers of [low, high), rounded to float32. */
  fillUniform(target: Float32Array, low: number, high: number): void
  /** Fills with normal numbers of that mean and standard deviation. Defaults 0 and 1. */
  fillNormal(target: Float32Array, mean?: number, deviation?: number): void
  state(): RandomState
}

/**
 * The random stream of that name. Streams of different names or seeds are independent, so that drawing more from one
 * (say, 'dropout') leaves the others (say, 'batches') as they were.
 *
 * The generator is xoroshiro128+ (Blackman and Vigna, https://doi.org/10.1145/3460772); its state is a hash of seed and
 * name.
 *
 * @throws UsageError `seed` when the seed is no safe integer.
 * @example
 * const batches = randomStream(1, 'batches')
 * const order = batches.permutation(60000)
 */
export function randomStream(seed: number, name: string): RandomStream {
  if (!Number.isSafeInteger(seed)) {
    throw new UsageError('seed', `A seed is a whole number between -2^53 and 2^53, but it is ${seed}.`)
  }
  return streamOf({ words: hash(`${seed}/${name}`), normal: null })
}

/**
 * A stream that goes on exactly where the one stood whose `state()` this is.
 *
 * @throws CheckpointError `random-state` when it is not such a state.
 */
export function resumeStream(state: RandomState): RandomStream {
  const { words, normal } = state
  const valid =
    Array.isArray(words) &&
    words.length === 4 &&
    words.every((word) => Number.isInteger(word) && (word | 0) === word) &&
    words.some((word) => word !== 0) &&
    (normal === null || Number.isFinite(normal))
  if (!valid) {
    throw new CheckpointError(
      'random-state',
      `A random stream's state has four 32-bit words, not all zero, and a number or null, but this was found: ${JSON.stringify(state)}.`,
    )
  }
  return streamOf(state)
}

function streamOf(from: RandomState): RandomStream {
  const generator = xoroshiro128plusFromState(from.words)
  let waiting = from.normal

  // Bits come from the upper end of each word: the lowest bits of xoroshiro128+ are its weakest.
  const uniform = (): number => ((generator.next() >>> 5) * 2 ** 26 + (generator.next() >>> 6)) / 2 ** 53

  /** Draws as many bits as `below` has and rejects what is too large: fewer than two draws on average, and no bias. */
  const draw = (below: number): number => {
    if (below === 1) return 0
    const shift = Math.clz32(below - 1)
    let value = generator.next() >>> shift
    while (value >= below) value = generator.next() >>> shift
    return value
  }

  const integer = (below: number): number => {
    if (!Number.isInteger(below) || below < 1 || below > 2 ** 32) {
      throw new UsageError(
        'random-range',
        `integer(below) takes a whole number from 1 to 2^32, but got ${below}.`,
      )
    }
    return draw(below)
  }

  /** Marsaglia's polar method, https://doi.org/10.1137/1006063: two numbers at a time, one kept for the next call. */
  const normal = (): number => {
    if (waiting !== null) {
      const value = waiting
      waiting = null
      return value
    }
    let u = 0
    let v = 0
    let square = 0
    do {
      u = 2 * uniform() - 1
      v = 2 * uniform() - 1
      square = u * u + v * v
    } while (square >= 1 || square === 0)
    const scale = Math.sqrt((-2 * Math.log(square)) / square)
    waiting = v * scale
    return u * scale
  }

  const shuffle: RandomStream['shuffle'] = (array) => {
    const entries: { [index: number]: unknown } = array
    for (let last = array.length - 1; last > 0; last--) {
      const other = draw(last + 1)
      const held = entries[last]
      entries[last] = entries[other]
      entries[other] = held
    }
    return array
  }

  const permutation = (n: number): Int32Array<ArrayBuffer> => {
    const order = new Int32Array(n)
    // Fisher and Yates from the inside out: no second pass to fill in 0 to n - 1.
    for (let index = 1; index < n; index++) {
      const other = draw(index + 1)
      order[index] = order[other] ?? 0
      order[other] = index
    }
    return order
  }

  const choose = (n: number, k: number): Int32Array<ArrayBuffer> => {
    if (!(k >= 0 && k <= n)) {
      throw new UsageError('random-range', `choose(n, k) needs 0 <= k <= n, but got n = ${n}, k = ${k}.`)
    }
    // The first k steps of Fisher and Yates, remembering only the places that were swapped.
    const swapped = new Map<number, number>()
    const chosen = new Int32Array(k)
    for (let index = 0; index < k; index++) {
      const other = index + integer(n - index)
      chosen[index] = swapped.get(other) ?? other
      swapped.set(other, swapped.get(index) ?? index)
    }
    return chosen
  }

  return {
    uniform,
    integer,
    normal,
    shuffle,
    permutation,
    choose,
    fillUniform(target, low, high) {
      const range = high - low
      for (let index = 0; index < target.length; index++) {
        let value = Math.fround(low + range * uniform())
        // Rounding to float32 can reach the upper bound, which is excluded.
        while (value >= high && range > 0) value = Math.fround(low + range * uniform())
        target[index] = value
      }
    },
    fillNormal(target, mean = 0, deviation = 1) {
      for (let index = 0; index < target.length; index++) target[index] = mean + deviation * normal()
    },
    state: () => ({ words: [...generator.getState()], normal: waiting }),
  }
}

/** 128 bits from a text: four lanes that each see every byte, then a finaliser so that every bit depends on all. */
function hash(text: string): number[] {
  const lanes = [0x9e3779b9, 0x243f6a88, 0xb7e15162, 0x452821e6]
  for (const byte of new TextEncoder().encode(text)) {
    for (const [lane, value] of lanes.entries())
      lanes[lane] = mix(value ^ Math.imul(byte + 1, 0x01000193 + 2 * lane))
  }
  // Folding through a generator lets every word depend on every lane.
  return lanes.map((_, word) => {
    let value = 0x2545f491 + word
    for (const lane of lanes) value = mix(value ^ lane)
    // The state may not be all zero.
    return word === 0 ? value | 1 : value
  })
}

/** The 32-bit finaliser of MurmurHash3: a bijection in which every input bit reaches every output bit. */
function mix(value: number): number {
  let mixed = value
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}
