import { describe, expect, it } from 'vitest'
import { classesFromFile, classesFromMetadata, classesToMetadata } from './labels.ts'

describe('labels in metadata', () => {
  it.each([
    ['a JSON list', { classes: '["cat","dog"]' }],
    ['an object by index', { id2label: '{"1":"dog","0":"cat"}' }],
    ['a Python dictionary', { names: "{0: 'cat', 1: 'dog'}" }],
    ['the first key that has any', { classes: 'none', labels: '["cat","dog"]' }],
  ])('are read from %s', (_, metadata) => {
    expect(classesFromMetadata(metadata)).toEqual(['cat', 'dog'])
  })

  it('may hold quotes in a Python dictionary', () => {
    expect(classesFromMetadata({ names: `{0: "cat's eye", 1: 'dog: big'}` })).toEqual([
      "cat's eye",
      'dog: big',
    ])
  })

  it.each([
    ['nothing', {}],
    ['an empty list', { classes: '[]' }],
    ['a list of numbers', { classes: '[1,2]' }],
    ['indices with a gap', { id2label: '{"0":"cat","2":"dog"}' }],
  ])('are none in %s', (_, metadata) => {
    expect(classesFromMetadata(metadata)).toBeUndefined()
  })

  it('come back as they were written', () => {
    const classes = ['a "b"', 'ü', '']
    const written = Object.fromEntries(classesToMetadata(classes).map(({ key, value }) => [key, value]))
    expect(classesFromMetadata(written)).toEqual(classes)
    expect(classesToMetadata([])).toEqual([])
  })
})

describe('labels in files', () => {
  it('are the lines of a text', () => {
    expect(classesFromFile('m/labels.txt', 'cat\r\nbig dog \n\n')).toEqual(['cat', 'big dog'])
  })
  it('are a list or an object of a JSON', () => {
    expect(classesFromFile('labels.json', '["cat","dog"]')).toEqual(['cat', 'dog'])
    expect(classesFromFile('labels.json', '{"0":"cat","1":"dog"}')).toEqual(['cat', 'dog'])
  })
  it('are id2label of a config.json, which may lack them', () => {
    expect(classesFromFile('config.json', '{"id2label":{"0":"cat"}}')).toEqual(['cat'])
    expect(classesFromFile('config.json', '{"hidden_size":8}')).toBeUndefined()
  })
  it.each([
    ['labels.txt', ''],
    ['labels.txt', 'cat\n\ndog'],
    ['labels.json', '{'],
    ['labels.json', '{"cat":0}'],
  ])('are refused when %s says none: %j', (path, text) => {
    expect(() => classesFromFile(path, text)).toThrow(expect.objectContaining({ code: 'labels-unreadable' }))
  })
})
