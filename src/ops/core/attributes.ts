import { ModelError } from '../../errors.ts'
import type { Attribute, Attributes } from '../../onnx/graph.ts'
import type { AttributeReader } from './define.ts'

function wrongKind(owner: string, name: string, expected: string): ModelError {
  return new ModelError(
    'attribute-kind',
    `Attribute "${name}" of ${owner} should be ${expected}; the file holds another kind.`,
  )
}

/** Reads `attributes` by kind. `owner` (op and node name) goes into the message when the kind is wrong. */
export function attributeReader(attributes: Attributes, owner: string): AttributeReader {
  for (const _ in attributes) return readerOf(attributes, owner)
  return emptyReader
}

function readerOf(attributes: Attributes, owner: string): AttributeReader {
  const read = <T>(
    name: string,
    expected: string,
    pick: (attribute: Attribute) => T | undefined,
  ): T | undefined => {
    const attribute = attributes[name]
    if (attribute === undefined) return undefined
    const value = pick(attribute)
    if (value === undefined) throw wrongKind(owner, name, expected)
    return value
  }
  const integer = (name: string) =>
    read(name, 'an integer', (attribute) => (typeof attribute === 'number' ? attribute : undefined))
  return {
    optionalInt: integer,
    int: (name, fallback) => integer(name) ?? fallback,
    ints: (name) =>
      read(name, 'a list of integers', (attribute) => (isList(attribute) ? attribute : undefined)),
    float: (name, fallback) =>
      read(name, 'a float', (attribute) =>
        isTagged(attribute) && attribute.kind === 'float' ? attribute.value : undefined,
      ) ?? fallback,
    floats: (name) =>
      read(name, 'a list of floats', (attribute) =>
        isTagged(attribute) && attribute.kind === 'floats' ? attribute.value : undefined,
      ),
    string: (name, fallback) =>
      read(name, 'a string', (attribute) => (typeof attribute === 'string' ? attribute : undefined)) ??
      fallback,
    strings: (name) =>
      read(name, 'a list of strings', (attribute) =>
        isTagged(attribute) && attribute.kind === 'strings' ? attribute.value : undefined,
      ),
    tensor: (name) =>
      read(name, 'a tensor', (attribute) =>
        isTagged(attribute) && attribute.kind === 'tensor' ? attribute.value : undefined,
      ),
  }
}

/** Most nodes of a step have no attributes; nothing can be of the wrong kind there. */
const emptyReader = readerOf({}, '')

type Tagged = Exclude<Attribute, number | string | readonly number[]>
const isList = (attribute: Attribute): attribute is readonly number[] => Array.isArray(attribute)
const isTagged = (attribute: Attribute): attribute is Tagged =>
  typeof attribute === 'object' && !isList(attribute)
