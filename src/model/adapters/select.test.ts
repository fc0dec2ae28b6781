import { describe, expect, it } from 'vitest'
import { mlp } from '../layers/networks.ts'
import { transformerEncoder } from '../layers/transformer-network.ts'
import { parseSelection, selectParameters, trainOnly } from './select.ts'

const model = mlp({ widths: [3, 4, 5, 2] })
const names = [...model.parameters.keys()]
const chosen = (text: string): string[] => [...selectParameters(model, parseSelection(text))]

describe('a selection of parameters', () => {
  it('is read as it is written on the command line', () => {
    expect(parseSelection('last:2')).toEqual({ kind: 'last', layers: 2 })
    expect(parseSelection('a.*, !a.bias')).toEqual({ kind: 'names', patterns: ['a.*'], except: ['a.bias'] })
    expect(parseSelection('!a.bias')).toEqual({ kind: 'names', patterns: ['*'], except: ['a.bias'] })
    expect(parseSelection('biases-norms')).toEqual({ kind: 'biases-and-norms' })
  })

  it('takes all, the head, the last layers, vectors, or names', () => {
    expect(chosen('all')).toEqual(names)
    expect(chosen('head')).toEqual(names.slice(-2))
    expect(chosen('last:1')).toEqual(names.slice(-2))
    expect(chosen('last:2')).toEqual(names.slice(-4))
    expect(chosen('last:9')).toEqual(names)
    expect(chosen('biases-norms')).toEqual(names.filter((name) => name.endsWith('bias')))
    expect(chosen('*.weight')).toEqual(names.filter((name) => name.endsWith('weight')))
    expect(chosen('!*.bias')).toEqual(names.filter((name) => name.endsWith('weight')))
  })

  it('counts norms to vectors in a transformer', () => {
    const encoder = transformerEncoder({
      vocabulary: 11,
      tokens: 5,
      feedForward: 8,
      width: 8,
      heads: 2,
      layers: 1,
      classes: 3,
    })
    const vectors = selectParameters(encoder, { kind: 'biases-and-norms' })
    expect([...vectors].some((name) => /norm.*weight/.test(name))).toBe(true)
    expect([...vectors].every((name) => (encoder.parameters.get(name)?.dims.length ?? 0) === 1)).toBe(true)
  })

  it('says which pattern fits nothing', () => {
    expect(() => chosen('fc9.*')).toThrow(
      expect.objectContaining({ code: 'selection-empty', message: expect.stringContaining('"fc9.*"') }),
    )
    expect(() => chosen('*,!*')).toThrow(expect.objectContaining({ code: 'selection-empty' }))
    expect(() => chosen('last:0')).toThrow(expect.objectContaining({ code: 'selection-layers' }))
  })

  it('makes constants of the others', () => {
    const head = trainOnly(model, selectParameters(model, { kind: 'head' }))
    expect([...head.parameters.keys()]).toEqual(names.slice(-2))
    for (const name of names.slice(0, -2)) {
      expect(head.graph.initializers.get(name)).toBe(model.parameters.get(name))
    }
  })
})
