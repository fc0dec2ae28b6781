import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type OpSchema, SCHEMAS } from '../scripts/op-schemas.ts'
import type { Attribute } from '../src/onnx/graph.ts'
import { CANONICAL_OPSET, type OpCase, type OpDefinition } from '../src/ops/core/define.ts'
import { rowsElementwise } from '../src/ops/core/shapes.ts'
import { opTable } from '../src/ops/table.ts'
import { runAsWritten } from './op-cases.ts'
import { broadcasting, choices, exceptions, lackingInRuntime, spatial } from './op-variants.ts'

// "All variants" as a fact: what ONNX lets a node of an op hold, against what the op's cases hold. The schemas are those of
// ONNX itself (scripts/op-schemas.ts); what no case has must stand in op-variants.ts, with the reason.

const schemas: Record<string, readonly OpSchema[]> = JSON.parse(readFileSync(SCHEMAS, 'utf8'))

interface Form {
  readonly schema: OpSchema
  /** The opsets that it holds in. */
  readonly from: number
  readonly to: number
  /** The version after it, where that one took something away or gave it another meaning. */
  readonly next: OpSchema | undefined
}

/** Whether every node of the older version means the same in the newer. */
function isSubsumed(older: OpSchema, newer: OpSchema): boolean {
  const sameAttributes = Object.entries(older.attributes).every(
    ([name, type]) => newer.attributes[name] !== undefined && type.startsWith(newer.attributes[name]),
  )
  const noneRequired = Object.entries(newer.attributes).every(
    ([name, type]) => older.attributes[name]?.endsWith('required') || !type.endsWith('required'),
  )
  const sameInputs = older.inputs.every(
    (name, index) => index < newer.inputs.length && (!optional(name) || optional(newer.inputs[index] ?? '')),
  )
  const restOptional = newer.inputs.slice(older.inputs.length).every((name) => name.endsWith('?'))
  return sameAttributes && noneRequired && sameInputs && restOptional
}

const optional = (name: string): boolean => name.endsWith('?')

/** The forms that differ, newest first; a form that the next one takes in counts as that one. */
function formsOf(versions: readonly OpSchema[]): Form[] {
  const forms: Form[] = []
  let to = CANONICAL_OPSET
  for (const [index, schema] of [...versions.entries()].reverse()) {
    const next = versions[index + 1]
    if (next === undefined) forms.push({ schema, from: schema.since, to, next })
    else if (isSubsumed(schema, next)) {
      const last = forms.pop()
      if (last) forms.push({ ...last, from: schema.since })
    } else forms.push({ schema, from: schema.since, to: next.since - 1, next })
    to = schema.since - 1
  }
  return forms
}

const casesIn = (definition: OpDefinition, { from, to }: Form): OpCase[] =>
  definition.cases.filter(({ opset = CANONICAL_OPSET }) => opset >= from && opset <= to)

/** The attribute as the schema writes defaults. */
const written = (attribute: Attribute): string => {
  if (typeof attribute === 'object' && 'kind' in attribute)
    return attribute.kind === 'float' ? String(attribute.value) : ''
  return String(attribute)
}

/** What the cases of a form leave out, by name. */
function gapsOf(definition: OpDefinition, form: Form): string[] {
  const cases = casesIn(definition, form)
  const gaps: string[] = cases.length === 0 ? ['no case'] : []
  const { schema, next } = form
  for (const [name, type] of Object.entries(schema.attributes)) {
    if (next && next.attributes[name] === type) continue
    const [, fallback] = type.split(' = ')
    const told = cases.flatMap(({ attributes = {} }) => {
      const value = attributes[name]
      return value === undefined ? [] : [written(value)]
    })
    if (
      !told.some((value) =>
        value === '' || fallback === undefined || Number.isNaN(Number(fallback))
          ? value !== fallback
          : Number(value) !== Number(fallback),
      )
    )
      gaps.push(name)
    for (const choice of choices[`${definition.op}.${name}`] ?? choices[name] ?? []) {
      const leaves = cases.some(({ attributes = {} }) => attributes[name] === undefined)
      if (!told.includes(choice) && !(leaves && choice === fallback)) gaps.push(`${name} ${choice}`)
    }
    if (name === 'axis' && !told.some((value) => Number(value) < 0) && !(Number(fallback) < 0))
      gaps.push('axis negative')
  }
  schema.inputs.forEach((name, index) => {
    if (next) return
    const given = cases.some(({ inputs }) => inputs[index] !== undefined)
    if (!given) gaps.push(`input ${name}`)
    if (optional(name) && !cases.some(({ inputs }) => inputs[index] === undefined))
      gaps.push(`without ${name}`)
    if (name.endsWith('*')) {
      if (!cases.some(({ inputs }) => inputs.length === index + 1)) gaps.push(`one ${name}`)
      if (!cases.some(({ inputs }) => inputs.length >= index + 3)) gaps.push(`three ${name}`)
    }
  })
  schema.outputs.forEach((name, index) => {
    if (next) return
    if (optional(name) && !cases.some(({ outputs = 1 }) => outputs > index)) gaps.push(`output ${name}`)
    if (index > 0 && optional(name) && !cases.some(({ outputs = 1 }) => outputs <= index))
      gaps.push(`without ${name}`)
  })
  return gaps.map((gap) => `${definition.op}-${schema.since}: ${gap}`)
}

const standard = [...opTable.values()].filter(({ op }) => op in schemas)

describe('the cases of the table', () => {
  it.each(standard)('hold all that ONNX lets a node of $op hold', (definition) => {
    const gaps = formsOf(schemas[definition.op] ?? []).flatMap((form) => gapsOf(definition, form))
    expect(gaps.filter((gap) => !(gap in exceptions))).toEqual([])
  })

  it.each([...opTable.values()])('are no two alike: $op', ({ cases }) => {
    const kept = cases.map(({ name: _, tolerance: __, skip: ___, ...rest }) =>
      JSON.stringify(rest, (__, value) => (typeof value === 'bigint' ? String(value) : value)),
    )
    expect(
      cases.filter((_, index) => kept.indexOf(kept[index] ?? '') !== index).map(({ name }) => name),
    ).toEqual([])
    const names = cases.map(({ name }) => name)
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([])
  })

  it('leaves nothing out without need', () => {
    const gaps = standard.flatMap((definition) =>
      formsOf(schemas[definition.op] ?? []).flatMap((form) => gapsOf(definition, form)),
    )
    expect(Object.keys(exceptions).filter((gap) => !gaps.includes(gap))).toEqual([])
  })

  const elementwise = standard.filter(({ rows }) => rows === rowsElementwise)
  it.each(elementwise)('hold scalars, and tensors without elements: $op', (definition) => {
    const dims = definition.cases.map((item) => item.inputs.map((input) => input?.dims ?? []))
    expect(
      dims.some((all) => all.every(({ length }) => length === 0)),
      'scalars',
    ).toBe(true)
    expect(
      dims.some((all) => all.some((one) => one.includes(0))),
      'no elements',
    ).toBe(true)
  })

  it.each(lackingInRuntime)(
    'leave out what the runtime does not have: $op, $item.name',
    async ({ op, item }) => {
      const definition = opTable.get(op)
      expect(definition).toBeDefined()
      if (definition) await expect(runAsWritten(definition, item)).rejects.toThrow(/ONNX Runtime/)
    },
  )

  it.each(spatial)('has one, two and three spatial dims, and a batch of one: %s', (op) => {
    const inputs = (opTable.get(op)?.cases ?? []).map((item) => item.inputs[0]?.dims ?? [])
    expect(inputs.map((dims) => dims.length)).toEqual(expect.arrayContaining([3, 4, 5]))
    expect(inputs.some(([batch]) => batch === 1)).toBe(true)
  })

  it.each(broadcasting)('broadcasts to the left, to the right and both ways: %s', (op) => {
    const pairs = (opTable.get(op)?.cases ?? []).map(({ inputs }) => {
      const [a, b] = inputs.slice(-2).map((input) => input?.dims ?? [])
      return { a: a ?? [], b: b ?? [] }
    })
    const grows = (from: readonly number[], to: readonly number[]) =>
      from.length < to.length ||
      from.some((dim, axis) => dim === 1 && (to[axis + to.length - from.length] ?? 1) !== 1)
    expect(
      pairs.some(({ a, b }) => grows(a, b) && !grows(b, a)),
      'left',
    ).toBe(true)
    expect(
      pairs.some(({ a, b }) => grows(b, a) && !grows(a, b)),
      'right',
    ).toBe(true)
    expect(
      pairs.some(({ a, b }) => grows(a, b) && grows(b, a)),
      'both',
    ).toBe(true)
  })
})
