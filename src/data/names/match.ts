import { DataError } from '../../errors.ts'
import { itemAt } from '../../required.ts'
import { className, isNumber, preview } from './class-name.ts'
import { refuseRepeated } from './distinct.ts'
import { splitIndexes } from './indexes.ts'
import { namesWanted, positionsOfNames, positionsOfNumbers } from './positions.ts'
import { spellingKey } from './spelling.ts'
import { zerosApart } from './zeros.ts'

/** The classes of a model. */
export interface KnownClasses {
  /** In the order of the outputs. */
  readonly names: readonly string[]
  /** Whether nobody named them: they are '0' to 'n - 1', or LABEL_0, …, and stand for places. Default false. */
  readonly unnamed?: boolean | undefined
  /** Whether a file beside the model says these names: numbers are then names, and a word beside them is a new class. Default false. */
  readonly namedBeside?: boolean | undefined
}

/** What the classes of data are called by a model. */
export interface Match {
  /** For each class of the data: the model's name of it, or its own where it is new. */
  readonly names: readonly string[]
  /** New classes that differ from one of the model's in case, spaces, hyphens or underscores only: perhaps the same. */
  readonly nearMisses: readonly { readonly data: string; readonly model: string }[]
  /** What was taken for the same though it is written otherwise, and numbers that are new and written as the model's are not. */
  readonly notes: readonly string[]
}

export interface MatchOptions {
  /** What messages call the data. */
  readonly place: string
  /** Says that the numbers on the side that has no names are positions in the list of the side that has. Default false. */
  readonly numbersArePositions?: boolean | undefined
}

/**
 * Says which class of a model each class of data is. A name is the model's where it is written alike (Unicode's forms and white space
 * around apart), is the same number with or without zeros in front, or has an index in front on one side. Everything else is new.
 *
 * Numbers are never taken for positions among names, nor names for those of numbered outputs, unless the caller says so; and names beside
 * numbers are new classes only where a file beside the model says that the numbers are names.
 *
 * @throws DataError `classes-numbered` when one side has names and the other only numbers, or when numbers seem to count from 1 where
 * a model's outputs are numbered from 0; `label-no-position` for a position that the list does not have; `classes-repeated`.
 */
export function matchClasses(data: readonly string[], model: KnownClasses, options: MatchOptions): Match {
  const { place, numbersArePositions = false } = options
  const { namedBeside = false } = model
  const own = data.map(className)
  const known = model.names.map(className)
  refuseRepeated(
    known,
    ({ name, first, second }) => `The model calls outputs ${first} and ${second} both ${name}`,
  )
  refuseRepeated(
    own,
    ({ name, first, second }) => `${place} calls classes ${first} and ${second} both ${name}`,
  )
  const values = model.unnamed ? known.map((_, at) => String(at)) : known
  const ownNumbers = own.length > 0 && own.every(isNumber)
  const knownNumbers = known.length > 0 && values.every(isNumber)
  if (numbersArePositions && ownNumbers !== knownNumbers && own.length > 0 && known.length > 0) {
    const places = ownNumbers ? positionsOfNumbers(own, known, place) : positionsOfNames(own, values, place)
    return { names: places.map((at) => itemAt(model.names, at, 'class')), nearMisses: [], notes: [] }
  }
  const found = written(own, known)
  const spelled = new Map([...found.keys()].map((at) => [at, 'alike' as const]))
  const add = (pairs: ReadonlyMap<number, number>): number => {
    const taken = new Set(found.values())
    const fresh = [...pairs].filter(([at, to]) => !spelled.has(at) && !taken.has(to))
    for (const [at, to] of fresh) found.set(at, to)
    return fresh.length
  }
  const zeros = add(byValue(own, values))
  const indexed = add(byName(own, known))
  // Words beside numbers that somebody wrote down as names are new classes.
  const told = namedBeside && knownNumbers
  if (found.size === 0 && ownNumbers !== knownNumbers && !told && own.length > 0 && known.length > 0) {
    throw numbersAgainstNames(own, model.unnamed ? values : known, place, ownNumbers)
  }
  if (model.unnamed && ownNumbers) refuseFromOne(own, values, place)
  const names = own.map((name, at) => {
    const to = found.get(at)
    return to === undefined ? name : (model.names[to] ?? name)
  })
  const examples = [...found]
    .filter(([at]) => !spelled.has(at))
    .map(([at, to]) => `"${own[at]}" is ${model.unnamed ? `output ${to}` : `"${model.names[to]}"`}`)
  const why =
    indexed > 0
      ? zeros > 0
        ? 'equal numbers, and names behind an index,'
        : 'names behind an index'
      : 'equal numbers'
  return {
    names,
    nearMisses: nearMisses(own, known, found),
    notes: [
      ...(zeros + indexed === 0
        ? []
        : [
            `${place}: ${why} are taken for the same class though they are written otherwise: ${preview(examples)}.`,
          ]),
      ...zerosApart(own, values, found, place),
    ],
  }
}

const written = (own: readonly string[], known: readonly string[]): Map<number, number> => {
  const places = new Map(known.map((name, at) => [name, at]))
  return new Map(
    own.flatMap((name, at): [number, number][] => {
      const to = places.get(name)
      return to === undefined ? [] : [[at, to]]
    }),
  )
}

/** Whole numbers by what they count: `00007`, `7` and `7.0` are one; but not where one side tells such apart. */
function byValue(own: readonly string[], values: readonly string[]): Map<number, number> {
  const [left, right] = [byNumber(own), byNumber(values)]
  const pairs = new Map<number, number>()
  for (const [number, at] of left) {
    const to = right.get(number)
    if (at !== undefined && to !== undefined) pairs.set(at, to)
  }
  return pairs
}

/** Places of names by the number that they are; undefined where two are the same number. */
function byNumber(names: readonly string[]): Map<bigint, number | undefined> {
  const places = new Map<bigint, number | undefined>()
  for (const [at, name] of names.entries()) {
    const digits = /^(\d+)(?:\.0+)?$/.exec(name)?.[1]
    if (digits === undefined) continue
    const number = BigInt(digits)
    places.set(number, places.has(number) ? undefined : at)
  }
  return places
}

/** Names without the index that all of one side have in front. */
function byName(own: readonly string[], known: readonly string[]): Map<number, number> {
  const [left, right] = [splitIndexes(own)?.names, splitIndexes(known)?.names]
  return new Map([
    ...(left && right ? written(left, right) : []),
    ...(right ? written(own, right) : []),
    ...(left ? written(left, known) : []),
  ])
}

function nearMisses(
  own: readonly string[],
  known: readonly string[],
  found: ReadonlyMap<number, number>,
): Match['nearMisses'] {
  const present = new Set(found.values())
  const plain = new Map(known.map((name, at) => [spellingKey(name), at]))
  return own.flatMap((data, at) => {
    if (found.has(at)) return []
    const to = plain.get(spellingKey(data))
    return to === undefined || present.has(to) ? [] : [{ data, model: itemAt(known, to, 'class') }]
  })
}

function numbersAgainstNames(
  own: readonly string[],
  known: readonly string[],
  place: string,
  ownNumbers: boolean,
): DataError {
  const way = ownNumbers
    ? "Write the names into the data, or say that the numbers are positions in the model's list, from 0 on (--numbers-are-positions)."
    : `${namesWanted(own, known)}${own.length === known.length ? " Or say that the data's classes are its outputs in this order (--numbers-are-positions)." : ''}`
  return new DataError(
    'classes-numbered',
    `Data set '${place}' calls its classes ${preview(own)}, the model ${preview(known)}: ${ownNumbers ? 'the data' : 'the model'} has numbers only, so that classes cannot be matched by name. ${way}`,
  )
}

/** Outputs without names are numbered from 0 on. Data that have 1 to n and no 0 were numbered by somebody who begins with 1. */
function refuseFromOne(own: readonly string[], values: readonly string[], place: string): void {
  const numbers = new Set(own.map((name) => BigInt(name)))
  if (numbers.has(0n) || !values.every((_, at) => numbers.has(BigInt(at + 1)))) return
  throw new DataError(
    'classes-numbered',
    `${place}: the labels are ${preview(own)}, but nothing names the model's outputs, which are then numbered from 0 to ${values.length - 1}. There is no label 0: do they count from 1? Put a labels.txt beside the model, one label a line in the order of its outputs.`,
  )
}
