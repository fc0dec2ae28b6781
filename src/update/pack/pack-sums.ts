import { placesOf } from '../../data/names/index.ts'
import { bytesOf } from '../../data/rows.ts'
import { sha256 } from '../../data/sha256.ts'
import { bodyHash } from '../../evaluate/features.ts'
import { addSums, type FeatureSums, plainSums, sumsUnder } from '../../evaluate/sums.ts'
import { type Expansion, expansionOf, findHead, readingTrunk, requireHead } from '../../model/heads/index.ts'
import type { Model } from '../../model/model.ts'

/**
 * What a pack knows of all the rows that a model was trained on, and not of any one: counts, sums and products of their features, from
 * which a head can be worked out. They hold for every model with the same weights below its head.
 */
export interface PackSums {
  /** The value of the graph whose features were summed, or expanded and summed. */
  readonly value: string
  /** SHA-256 of the weights below the head. */
  readonly body: string
  /** Whether every row of the training data was summed, or, after the weights below the head had changed, what is left of some. */
  readonly of: 'training data' | 'exemplars'
  /** Which random features were summed; undefined where the features themselves were. */
  readonly expansion: PackExpansion | undefined
  /** By the pack's classes. */
  readonly sums: FeatureSums
}

/** Which random features were summed, and how they are made again: `expandHead(model, { width, seed })`. */
export interface PackExpansion {
  /** How many random features there are beside those that pass. */
  readonly width: number
  /** undefined where the model came with them. */
  readonly seed?: number | undefined
  /** How many features there are below, and how often each passes: once, or as what is positive and what is negative of it. */
  readonly features: number
  readonly passes: 1 | 2
  /** SHA-256 of R. */
  readonly weight: string
}

const weightHash = ({ weight }: Expansion): string =>
  sha256().update(JSON.stringify(weight.dims)).update(bytesOf(weight)).hex()

/** An expansion as a pack describes it. */
export function describeExpansion(
  expansion: Expansion,
  made: { readonly width: number; readonly seed: number } | undefined,
): PackExpansion {
  const [features = 0, expanded = 0] = expansion.weight.dims
  const passes = passesOf(expansion)
  return {
    ...{ width: expanded - passes * features, features, passes },
    seed: made?.seed,
    weight: weightHash(expansion),
  }
}

/** Whether R has the identity's negative behind the identity. */
function passesOf({ weight: { dims, data } }: Expansion): 1 | 2 {
  const [features = 0, expanded = 0] = dims
  if (expanded < 2 * features) return 1
  for (let row = 0; row < features; row++) {
    for (let column = 0; column < features; column++) {
      if (data[row * expanded + features + column] !== (row === column ? -1 : 0)) return 1
    }
  }
  return 2
}

/** Whether sums hold for a model whose head reads these random features, or none. */
export function holdFor(
  { value, body, expansion }: PackSums,
  model: Model,
  read: Expansion | undefined,
): boolean {
  const place = placeOf(model)
  return place.value === value && place.body === body && (read && weightHash(read)) === expansion?.weight
}

/** Where sums of a model's features belong. */
export const placeOf = (model: Model): Pick<PackSums, 'value' | 'body'> => ({
  value: readingTrunk(model, findHead(model) ?? requireHead(model)).features,
  body: bodyHash(model),
})

/** The same numbers as their file gives back: the scatter in float32, and nothing above its diagonal. */
export function asStored(sums: FeatureSums): FeatureSums {
  const { scatter, width } = sums
  return {
    ...sums,
    scatter: scatter.map((value, at) => (at % width <= Math.floor(at / width) ? Math.fround(value) : 0)),
  }
}

/**
 * A pack's sums as a model's head reads features, under its classes.
 *
 * @param classes Of the sums, and of the model that is asked for, by name.
 * @returns undefined where they are of other features: of other weights below the head, or other random ones.
 * @example
 * const sums = pack.sums && sumsFor(pack.sums, model, pack.classes, widened.classes)
 */
export function sumsFor(
  packed: PackSums,
  model: Model,
  own: readonly string[],
  classes: readonly string[],
): FeatureSums | undefined {
  const { expansion, sums } = packed
  const read = expansionOf(model)
  const plain = expansion !== undefined && !read
  if (!holdFor(plain ? { ...packed, expansion: undefined } : packed, model, read)) return undefined
  const places = placesOf(own, classes)
  if (places.some((unit) => unit < 0)) return undefined
  return sumsUnder(plain ? plainSums(sums, expansion) : sums, places, classes.length)
}

/**
 * The sums of two packs of one model; undefined where one has none, or of other features: they would say nothing of the other's data.
 */
export function mergedSums(a: PackSums | undefined, b: PackSums | undefined): PackSums | undefined {
  if (!a || !b) return undefined
  const facts = ({ value, body, expansion }: PackSums) => JSON.stringify([value, body, expansion])
  if (facts(a) !== facts(b)) return undefined
  return {
    ...a,
    of: a.of === b.of ? a.of : 'exemplars',
    sums: asStored(addSums(a.sums, b.sums)),
  }
}
