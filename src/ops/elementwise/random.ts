import { UsageError } from '../../errors.ts'
import { sizeOf, type Tensor } from '../../tensor/tensor.ts'
import { cast, type Emitter, mul, reshape, scale, type Value } from '../core/index.ts'

// Counter-based random numbers: a pure function of (seed, salt, element), so that nothing but the seed has to be kept
// for a resumed run to draw the same bits. The runtime's own random ops hide their state, and are not used.

const WORD = (1n << 64n) - 1n

/** Increment and multipliers of SplitMix64 (Steele, Lea and Flood, https://doi.org/10.1145/2660193.2660195). */
const INCREMENT = 0x9e3779b97f4a7c15n

const FIRST = 0xbf58476d1ce4e5b9n

const SECOND = 0x94d049bb133111ebn

function splitMix(value: bigint): bigint {
  let z = value & WORD
  z = ((z ^ (z >> 30n)) * FIRST) & WORD
  z = ((z ^ (z >> 27n)) * SECOND) & WORD
  return z ^ (z >> 31n)
}

/** Where each row and each column starts: hashed while the graph is built, so that salts cost nothing in the step. */
function startingPoints(salt: number, count: number): Tensor<'uint64'> {
  const base = splitMix(splitMix(BigInt.asUintN(64, BigInt(salt))) + INCREMENT)
  const data = BigUint64Array.from({ length: count }, (_, index) =>
    splitMix(base + BigInt(index + 1) * INCREMENT),
  )
  return { type: 'uint64', dims: [count], data }
}

const word = (emit: Emitter, value: bigint): Value =>
  emit.constant({ type: 'uint64', dims: [], data: BigUint64Array.of(value) })

const shiftRight = (emit: Emitter, x: Value, bits: Value): Value =>
  emit.op('BitShift', [x, bits], { direction: 'RIGHT' })

const xorShift = (emit: Emitter, x: Value, bits: bigint): Value =>
  emit.op('BitwiseXor', [x, shiftRight(emit, x, word(emit, bits))])

/** `count` odd uint32 numbers: SplitMix64 of seed and starting point, the upper half of it. */
function oddNumbers(emit: Emitter, seed: Value, salt: number, count: number): Value {
  const key = emit.op('Mul', [cast(emit, seed, 'uint64'), word(emit, INCREMENT)])
  const start = emit.op('Add', [emit.constant(startingPoints(salt, count)), key])
  const once = emit.op('Mul', [xorShift(emit, start, 30n), word(emit, FIRST)])
  const twice = emit.op('Mul', [xorShift(emit, once, 27n), word(emit, SECOND)])
  const upper = cast(emit, shiftRight(emit, twice, word(emit, 32n)), 'uint32')
  return emit.op('BitwiseOr', [upper, emit.constant({ type: 'uint32', dims: [], data: Uint32Array.of(1) })])
}

/** The largest divisor of `size` up to its root: rows of a block as near to a square as `size` allows. */
function blockRows(size: number): number {
  let rows = Math.floor(Math.sqrt(size))
  while (rows > 1 && size % rows !== 0) rows--
  return Math.max(rows, 1)
}

/**
 * Uniform uint32 numbers of `dims`, laid out as a block of rows and columns. Only those are hashed; an element is the
 * product, modulo 2^32, of an odd number for its row and one for its column: one pass over the elements, and pairwise
 * independent, as multiplication by an odd number permutes. The lowest bit is always 1; the upper ones are to be used.
 */
export function counterBits(emit: Emitter, seed: Value, salt: number, dims: readonly number[]): Value {
  if (!Number.isSafeInteger(salt))
    throw new UsageError('salt', `A salt is a whole number, but it is ${salt}.`)
  if (seed.type !== 'int64' || sizeOf(seed.dims) !== 1) {
    throw new UsageError(
      'seed-value',
      `The seed of random numbers is one int64, but "${seed.name}" is ${seed.type}[${seed.dims}].`,
    )
  }
  const size = sizeOf(dims)
  const rows = blockRows(size)
  const columns = size / rows
  const scalarSeed = reshape(emit, seed, [])
  if (rows === 1) return reshape(emit, oddNumbers(emit, scalarSeed, salt, size), dims)
  const numbers = oddNumbers(emit, scalarSeed, salt, rows + columns)
  const part = (from: number, to: number) => emit.op('Slice', [numbers, bounds(emit, from), bounds(emit, to)])
  const perRow = reshape(emit, part(0, rows), [rows, 1])
  return reshape(emit, mul(emit, perRow, part(rows, rows + columns)), dims)
}

/** The greatest whole number that float32 has as this one, which it has exactly, or as less. */
export function lastRoundedTo(threshold: number): number {
  let last = threshold
  while (Math.fround(last + 1) <= threshold) last++
  return last
}

const bounds = (emit: Emitter, at: number): Value =>
  emit.constant({ type: 'int64', dims: [1], data: BigInt64Array.of(BigInt(at)) })

/**
 * Uniform float32 numbers in [0, 1) with 24 random bits, of `dims`: a pure function of `seed`, `salt` and the element.
 *
 * @param seed one int64, another at every step
 * @param salt tells apart the places in one graph that draw from the same seed; any whole number
 * @throws UsageError `salt`, `seed-value`
 * @example
 * const u = counterUniform(builder, builder.input('seed', { type: 'int64', dims: [] }), 1, [128, 400])
 */
export function counterUniform(emit: Emitter, seed: Value, salt: number, dims: readonly number[]): Value {
  const bits = counterBits(emit, seed, salt, dims)
  const eight: Tensor = { type: 'uint32', dims: [], data: Uint32Array.of(8) }
  return scale(emit, cast(emit, shiftRight(emit, bits, emit.constant(eight)), 'float32'), 2 ** -24)
}
