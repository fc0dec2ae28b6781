import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { className } from './class-name.ts'
import { splitIndexes, splitPlaces } from './indexes.ts'
import { type KnownClasses, matchClasses } from './match.ts'

const match = (data: readonly string[], names: readonly string[], options: object = {}, unnamed = false) =>
  matchClasses(data, { names, unnamed }, { place: 'new', ...options })

describe('names of the data', () => {
  it('are the number that they count, where that is told apart on neither side', () => {
    expect(match(['00', '01'], ['0', '1', 'cat'])).toMatchObject({
      names: ['0', '1'],
      notes: [
        'new: equal numbers are taken for the same class though they are written otherwise: "00" is "0", "01" is "1".',
      ],
    })
    expect(match(['7', '07'], ['007', '8']).names).toEqual(['7', '07'])
    expect(match(['7'], ['07', '007']).names).toEqual(['7'])
    expect(match(['7.0'], ['7', '8']).names).toEqual(['7'])
    expect(match(['1.5', '2'], ['2', '15']).names).toEqual(['1.5', '2'])
  })
  it('are the name behind an index on either side', () => {
    expect(match(['1_dog', '0_cat'], ['cat', 'dog'])).toMatchObject({ names: ['dog', 'cat'] })
    expect(match(['person', 'car'], ['1 person', '3 car'])).toMatchObject({ names: ['1 person', '3 car'] })
    expect(match(['001.Jay', '2 Owl'], ['1: Jay', '2: Owl'])).toMatchObject({ names: ['1: Jay', '2: Owl'] })
    expect(match(['1 euro', '2 euro'], ['euro', 'cent']).names).toEqual(['1 euro', '2 euro'])
  })
  it('stay what they are where they are new, also beside numbers', () => {
    expect(match(['0', '4711'], ['0', '1', 'zebra']).names).toEqual(['0', '4711'])
    expect(match(['0', 'cat'], ['0', '1'], {}, true).names).toEqual(['0', 'cat'])
    expect(match(['5', '7'], ['0', '1'], {}, true).names).toEqual(['5', '7'])
  })
})

describe('new numbers', () => {
  it('that look like others but for zeros in front are told', () => {
    const told = (data: readonly string[], names: readonly string[], unnamed = false) =>
      match(data, names, {}, unnamed).notes.join()
    expect(told(['04'], ['0', '1', '2', '3'])).toBe(
      'new: new classes are 04, where the model knows 0, 1, 2, 3. Names that look alike but for zeros in front are two classes: "04" and "4". Write all in one way.',
    )
    expect(told(['4', '04'], ['3', '4'])).toContain('"04" and "4"')
    expect(told(['4', '04', 'owl'], ['cat', 'dog'])).toContain('"4" and "04", "04" and "4"')
    expect(told(['4'], ['00', '01', '02'])).toContain('"4" and "04"')
    expect(told(['0', '04'], ['0', '1'], true)).toContain('"04" and "4"')
  })
  it('that are written as the others are, are not', () => {
    for (const [data, names] of [
      [['4'], ['0', '1', '10']],
      [
        ['04', '10'],
        ['00', '01'],
      ],
      [['100'], ['00', '01']],
      [
        ['0', '00'],
        ['cat', '0', '00'],
      ],
      [
        ['0', '4'],
        ['zebra', '0'],
      ],
    ] as const)
      expect(match(data, names).notes).toEqual([])
  })
})

describe('words beside numbers', () => {
  const matched = (model: Partial<KnownClasses>, data: readonly string[] = ['odd']) =>
    matchClasses(data, { names: ['0', '1', '2', '3'], ...model }, { place: 'new' })
  it('are refused, whoever numbered the outputs, and it is said what to write', () => {
    const placeholders = ['LABEL_0', 'LABEL_1', 'LABEL_2', 'LABEL_3']
    for (const model of [{}, { unnamed: true }, { unnamed: true, names: placeholders }])
      expect(() => matched(model)).toThrow(
        "Put a labels.txt beside the model, one class a line in the order of its outputs. Where these numbers are its classes' names, it says the numbers (0, 1, 2, 3): odd is then a class that is new to it.",
      )
  })
  it('are new classes where a file beside the model says that the numbers are names', () => {
    expect(matched({ namedBeside: true }).names).toEqual(['odd'])
    expect(matched({ namedBeside: true }, ['02', 'odd']).names).toEqual(['2', 'odd'])
    // Numbers among names are no places, whoever wrote the names.
    expect(() => matched({ namedBeside: true, names: ['a', 'b'] }, ['0', '1'])).toThrow(
      'the data has numbers only',
    )
  })
})

describe('positions', () => {
  const asked = { numbersArePositions: true }
  it('are those of the list, which has to have them', () => {
    expect(match(['0', '02'], ['a', 'b', 'c'], asked).names).toEqual(['a', 'c'])
    expect(() => match(['0', '3'], ['a', 'b', 'c'], asked)).toThrow('label 3 is no position among')
    expect(() => match(['1', '3'], ['a', 'b', 'c'], asked)).toThrow('do they count from 1?')
  })
  it('of names are their indexes, else their order where all are there', () => {
    expect(
      match(['10_k', '2_c'], ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '10'], asked, true).names,
    ).toEqual(['10', '2'])
    expect(match(['cat', 'dog'], ['0', '1'], asked, true).names).toEqual(['0', '1'])
    expect(() => match(['cat', 'eel'], ['0', '1', '2'], asked, true)).toThrow(
      '2 classes (cat, eel) and the model has 3 outputs',
    )
  })
})

it('two names of one class are refused on either side', () => {
  expect(() => match(['caf\u00e9', 'cafe\u0301'], ['x'])).toThrow(
    'new calls classes 0 and 1 both "caf\u00e9"',
  )
  expect(() => match(['x'], [' y', 'y'])).toThrow('The model calls outputs 0 and 1 both "y"')
})

describe('properties', () => {
  const word = fc.stringMatching(/^[a-zA-Z\u00e9 ]{1,6}$/).map((text) => `w${text}`.trim())
  const number = fc.tuple(fc.nat(30), fc.nat(3)).map(([value, zeros]) => '0'.repeat(zeros) + value)
  const list = fc.uniqueArray(fc.oneof(word, number), { minLength: 1, maxLength: 8, selector: className })
  const known: (names: string[]) => KnownClasses = (names) => ({ names })

  it('every class of the data has one name, and two never have the same', () => {
    fc.assert(
      fc.property(list, list, (data, names) => {
        let found: readonly string[]
        try {
          found = matchClasses(data, known(names), { place: 'new' }).names
        } catch (error) {
          expect(error).toMatchObject({ code: 'classes-numbered' })
          return
        }
        expect(found).toHaveLength(data.length)
        expect(new Set(found).size).toBe(data.length)
        for (const [at, name] of data.entries()) if (names.includes(name)) expect(found[at]).toBe(name)
      }),
    )
  })
  it('the order of the data means nothing', () => {
    fc.assert(
      fc.property(list, list, (data, names) => {
        const run = (order: readonly string[]) => {
          try {
            const { names: found } = matchClasses(order, known(names), { place: 'new' })
            return Object.fromEntries(order.map((name, at) => [name, found[at]]))
          } catch (error) {
            return String((error as { code?: string }).code)
          }
        }
        expect(run([...data].reverse())).toEqual(run(data))
      }),
    )
  })
  it('places in front of names are found, however they are parted', () => {
    const parts = fc.constantFrom(' ', ': ', ',', '\t', '. ', ') ', '_', ' - ', '=')
    fc.assert(
      fc.property(
        fc.uniqueArray(word, { minLength: 1, maxLength: 12 }),
        parts,
        fc.constantFrom(0, 1),
        (names, part, base) => {
          const lines = names.map((name, at) => `${at + base}${part}${name}`)
          expect(splitPlaces([...lines].reverse())).toMatchObject({ names, base })
          expect(splitIndexes(lines)?.names).toEqual(names)
        },
      ),
    )
  })
})
