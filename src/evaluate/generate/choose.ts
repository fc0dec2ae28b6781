import { UsageError } from '../../errors.ts'
import { itemAt } from '../../required.ts'
import type { RandomStream } from '../../tensor/random.ts'

/** How the next token is drawn. With none of these it is the likeliest. */
export interface Sampling {
  /** Logits are divided by it before the softmax; 0 takes the likeliest token. Default 1 where one of the others is given, else 0. */
  readonly temperature?: number | undefined
  /** Of the likeliest so many tokens only. Default all. */
  readonly topK?: number | undefined
  /** Of the fewest tokens whose shares reach this sum, after the temperature (Holtzman et al. 2020, arXiv 1904.09751). Default 1. */
  readonly topP?: number | undefined
}

/**
 * @throws UsageError `generate-temperature` below 0, `generate-top-k` below 1, `generate-top-p` outside of (0, 1].
 */
export function checkSampling({ temperature, topK, topP }: Sampling): void {
  const refuse = (code: string, text: string): never => {
    throw new UsageError(`generate-${code}`, text)
  }
  if (temperature !== undefined && !(temperature >= 0 && Number.isFinite(temperature))) {
    refuse('temperature', `The temperature must be a number from 0 on; ${temperature} was given.`)
  }
  if (topK !== undefined && !(Number.isSafeInteger(topK) && topK >= 1)) {
    refuse('top-k', `Top k must be a whole number of tokens from 1 on; ${topK} was given.`)
  }
  if (topP !== undefined && !(topP > 0 && topP <= 1)) {
    refuse('top-p', `Top p must be a share above 0 and at most 1; ${topP} was given.`)
  }
}

/** Whether each token is the likeliest one, so that no seed matters. */
export const isGreedy = ({ temperature, topK, topP }: Sampling): boolean =>
  (temperature ?? (topK === undefined && topP === undefined ? 0 : 1)) === 0

/** The next token by its logits, and the logarithm of the share that the model gives it (at temperature 1). */
export function chooseToken(
  logits: Float32Array,
  sampling: Sampling,
  random: RandomStream,
): { readonly token: number; readonly logProbability: number } {
  const token = nextToken(logits, sampling, random)
  return { token, logProbability: logShare(logits, token) }
}

/** The next token alone: its share takes two passes over the vocabulary more. */
export const nextToken = (logits: Float32Array, sampling: Sampling, random: RandomStream): number =>
  isGreedy(sampling) ? largest(logits) : drawn(logits, sampling, random)

function largest(values: Float32Array): number {
  let best = 0
  for (let at = 1; at < values.length; at++) if ((values[at] ?? 0) > (values[best] ?? 0)) best = at
  return best
}

function logShare(logits: Float32Array, token: number): number {
  const top = itemAt(logits, largest(logits), 'logit')
  let sum = 0
  for (const value of logits) sum += Math.exp(value - top)
  return itemAt(logits, token, 'logit') - top - Math.log(sum)
}

function drawn(logits: Float32Array, sampling: Sampling, random: RandomStream): number {
  const shares = sharesOf(logits, sampling.temperature ?? 1)
  const { topK = Number.POSITIVE_INFINITY, topP = 1 } = sampling
  if (topK < shares.length || topP < 1) keepLikeliest(shares, topK, topP)
  let rest = random.uniform() * sumOf(shares)
  let last = 0
  for (let at = 0; at < shares.length; at++) {
    const share = shares[at] ?? 0
    if (share === 0) continue
    last = at
    rest -= share
    if (rest < 0) break
  }
  return last
}

/** Up to a factor: that of the likeliest token is 1. */
function sharesOf(logits: Float32Array, temperature: number): Float64Array {
  const top = itemAt(logits, largest(logits), 'logit')
  return Float64Array.from(logits, (value) => Math.exp((value - top) / temperature))
}

/** Puts 0 in place of all but the likeliest: at most k of them, and of these no more than reach the share p together. */
function keepLikeliest(shares: Float64Array, k: number, p: number): void {
  const falling = shares.slice().sort().reverse()
  const among = falling.subarray(0, Math.min(k, falling.length))
  const wanted = p * sumOf(among)
  let count = 0
  let sum = 0
  while (count < among.length && (sum < wanted || count === 0)) sum += among[count++] ?? 0
  const least = among[count - 1] ?? 0
  // Of tokens that are as likely as the last one, the first in the vocabulary stay.
  let ties = count - falling.indexOf(least)
  for (let at = 0; at < shares.length; at++) {
    const share = shares[at] ?? 0
    if (share > least) continue
    if (share === least && ties > 0) ties--
    else shares[at] = 0
  }
}

function sumOf(values: Float64Array): number {
  let sum = 0
  for (const value of values) sum += value
  return sum
}
