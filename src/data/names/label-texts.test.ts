import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { classesFromMetadata, classesToMetadata } from './label-metadata.ts'
import { readLabelText } from './label-texts.ts'

const read = (path: string, text: string, outputs?: number) => readLabelText(path, text, outputs)

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
    ['many digits', { names: `{${'1'.repeat(400_000)}}` }],
  ])('are none in %s', (_, metadata) => {
    expect(classesFromMetadata(metadata)).toBeUndefined()
  })

  it('come back as they were written', () => {
    const classes = ['a "b"', 'ü', '', '__proto__']
    const written = Object.fromEntries(classesToMetadata(classes).map(({ key, value }) => [key, value]))
    expect(classesFromMetadata(written)).toEqual(classes)
    expect(classesToMetadata([])).toEqual([])
  })
})

describe('labels in files', () => {
  it('are the lines of a text', () => {
    expect(read('m/labels.txt', 'cat\r\nbig dog \n\n')?.names).toEqual(['cat', 'big dog'])
    expect(read('m/labels.txt', '\ufeffcafe\u0301\rdog\r')?.names).toEqual(['caf\u00e9', 'dog'])
  })
  it('are behind indexes, in whatever order these are', () => {
    const text = read('labels.txt', '1: dog\n0: cat\n')
    expect(text?.names).toEqual(['cat', 'dog'])
    expect(text?.notes.join()).toContain('counted from 0; the labels are cat, dog')
    expect(text?.write(['cat', 'dog', 'eel'])).toBe('1: dog\n0: cat\n2: eel\n')
    expect(text?.write(['dog', 'cat'])).toBe('0: dog\n1: cat\n')
    expect(read('labels.txt', '1 person\n3 car\n')?.names).toEqual(['1 person', '3 car'])
  })
  it('are told from comments and blank lines by the number of outputs', () => {
    expect(read('labels.txt', '# pets\ncat\n\nC#\n', 2)?.names).toEqual(['cat', 'C#'])
    expect(read('labels.txt', '#1\n#2\n', 2)?.names).toEqual(['#1', '#2'])
    expect(read('labels.txt', '# pets\ncat\n')?.names).toEqual(['# pets', 'cat'])
    expect(read('labels.txt', '# pets\r\ncat\r\n', 1)?.write(['cat', 'dog'])).toBe('# pets\r\ncat\r\ndog\r\n')
  })
  it('are a list or an object of a JSON, also from labels to indexes', () => {
    for (const text of ['["cat","dog"]', '{"1":"dog","0":"cat"}', '{"dog":1,"cat":0}']) {
      expect(read('labels.json', text)?.names).toEqual(['cat', 'dog'])
    }
    const classes = ['cat', 'dog', 'eel']
    expect(read('labels.json', '{\n  "dog": 1,\n  "cat": 0\n}\n')?.write(classes)).toBe(
      '{\n  "cat": 0,\n  "dog": 1,\n  "eel": 2\n}\n',
    )
    expect(read('labels.json', '["cat","dog"]')?.write(classes)).toBe('["cat","dog","eel"]')
  })
  it('are id2label of a config.json, which may lack them', () => {
    expect(read('config.json', '{"id2label":{"1":"dog","0":"cat"}}')?.names).toEqual(['cat', 'dog'])
    expect(read('config.json', '{"hidden_size":8}')).toBeUndefined()
    const text = '{\n    "num_labels": 2,\n    "id2label": {\n        "0": "cat"\n    },\n    "hidden": 8\n}'
    expect(JSON.parse(read('config.json', text)?.write(['cat', 'dog', 'eel']) ?? '')).toEqual({
      num_labels: 3,
      id2label: { 0: 'cat', 1: 'dog', 2: 'eel' },
      hidden: 8,
      label2id: { cat: 0, dog: 1, eel: 2 },
    })
  })
  it.each([
    ['labels.txt', '', 'empty lines or none'],
    ['labels.txt', 'cat\n\ndog', 'empty lines or none'],
    ['labels.json', '{', 'a JSON list of texts'],
    ['labels.json', '{"cat":0,"dog":2}', 'without gaps'],
    ['config.json', '{', 'JSON was expected'],
    ['config.json', '{"id2label":{"0":"cat","2":"dog"}}', 'there are 2 and "1" is not among them'],
    ['config.json', '{"id2label":{"0":null}}', 'something else'],
  ])('are refused when %s says none: %j', (path, text, reason) => {
    expect(() => read(path, text)).toThrow(expect.objectContaining({ code: 'labels-unreadable' }))
    expect(() => read(path, text)).toThrow(reason)
  })

  it.each([
    ['labels.txt', 'cat\ndog\n cat\u00a0\n', 'labels.txt, lines 1 and 3 both say "cat"'],
    ['labels.txt', '# pets\ncaf\u00e9\n\ncafe\u0301\n', 'labels.txt, lines 2 and 4 both say "caf\u00e9"'],
    ['labels.json', '["cat","dog","cat"]', 'labels.json calls outputs 0 and 2 both "cat"'],
    ['labels.json', '{"cat":0," cat":1}', 'labels.json calls outputs 0 and 1 both "cat"'],
    ['config.json', '{"id2label":{"0":"cat","1":"cat"}}', 'config.json calls outputs 0 and 1 both "cat"'],
  ])('are refused when %s names two alike: %j', (path, text, reason) => {
    const outputs = path === 'labels.txt' && text.startsWith('#') ? 2 : undefined
    expect(() => read(path, text, outputs)).toThrow(expect.objectContaining({ code: 'classes-repeated' }))
    expect(() => read(path, text, outputs)).toThrow(reason)
  })

  it('are not written where a name has line breaks, be its lines alike or not', () => {
    for (const name of ['a\nb', 'a\na']) {
      expect(() => read('labels.txt', 'cat\ndog')?.write([name])).toThrow(
        expect.objectContaining({ code: 'labels-unwritable' }),
      )
    }
  })

  it('are written so that they are read again, or not at all', () => {
    const name = fc.oneof(
      fc.string({ minLength: 1, unit: 'binary' }),
      fc.constantFrom('1 a', '0 b', '#', '2', '__proto__'),
    )
    const lists = fc.uniqueArray(name, {
      minLength: 1,
      maxLength: 5,
      selector: (text) => text.normalize('NFC').trim(),
    })
    const texts = fc.constantFrom(
      ['labels.txt', 'cat\ndog'],
      ['labels.txt', '# pets\r\n0 cat\r\n1 dog\r\n'],
      ['labels.json', '["cat"]'],
      ['labels.json', '{"cat":0}'],
      ['config.json', '{"id2label":{"0":"cat","1":"dog"}}'],
    )
    fc.assert(
      fc.property(texts, lists, fc.boolean(), ([path = '', text = ''], added, goesOn) => {
        const before = read(path, text, 2)
        const classes = [
          ...(goesOn ? (before?.names ?? []) : []),
          ...added.map((one) => one.normalize('NFC').trim()),
        ]
        fc.pre(new Set(classes).size === classes.length && !classes.includes(''))
        let written: string
        try {
          written = before?.write(classes) ?? ''
        } catch (error) {
          expect(error).toMatchObject({ code: 'labels-unwritable' })
          expect(path).toBe('labels.txt')
          return
        }
        expect(read(path, written, classes.length)?.names).toEqual(classes)
      }),
    )
  })
  it('may not hold a line break in a text', () => {
    expect(() => read('labels.txt', 'cat\n')?.write(['cat', 'big\ndog'])).toThrow(
      'the class "big\\ndog" cannot be',
    )
  })
})
