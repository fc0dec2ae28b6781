// Writes test/fixtures/op-schemas.json from ONNX's own list of operators (docs/Changelog.md of github.com/onnx/onnx):
// node scripts/run.mjs scripts/op-schemas.ts path/to/Changelog.md
import { readFileSync, writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { CANONICAL_OPSET } from '../src/ops/core/define.ts'

/** One version of an operator: what a node of it may hold. */
export interface OpSchema {
  /** The first opset that has it in this form. */
  readonly since: number
  /** Attributes and their types; `= value` where there is a default, `required` where there must be one. */
  readonly attributes: Readonly<Record<string, string>>
  /** Names in order; `?` after an optional one, `*` after one that stands for any number. */
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
}

/** Where the list lies, from the repository's root. */
export const SCHEMAS = 'test/fixtures/op-schemas.json'

/** Below this opset ONNX Runtime takes no model. */
export const OLDEST_OPSET = 7

/** The text between a heading of level `mark` and the next of that level or above. */
function sections(text: string, mark: string): { title: string; body: string }[] {
  const heading = new RegExp(`^${mark} (.*)$`, 'm')
  return text
    .split(new RegExp(`^(?=${mark} )`, 'm'))
    .filter((part) => part.startsWith(`${mark} `))
    .map((part) => ({ title: heading.exec(part)?.[1] ?? '', body: part }))
}

const names = (body: string): string[] =>
  Array.from(body.matchAll(/^<dt><tt>(.+?)<\/tt>(.*?):/gm), ([, name = '', notes = '']) =>
    notes.includes('optional') ? `${name}?` : notes.includes('variadic') ? `${name}*` : name,
  )

const attributes = (body: string): Record<string, string> =>
  Object.fromEntries(
    Array.from(
      body.matchAll(/^<dt><tt>(.+?)<\/tt> : (.*?)(?: \((.*)\))?<\/dt>$/gm),
      ([, name, type, note]) => [
        name,
        note === undefined
          ? type
          : note === 'required'
            ? `${type}, required`
            : `${type} = ${note.replace('default is ', '')}`,
      ],
    ),
  )

function schemaOf({ title, body }: { title: string; body: string }): [string, OpSchema] | undefined {
  const [, op, since] = /\*\*(\w+)-(\d+)\*\*/.exec(title) ?? []
  if (op === undefined || body.includes('(deprecated)')) return undefined
  const part = (name: string) =>
    sections(body, '####').find((found) => found.title.startsWith(name))?.body ?? ''
  return [
    op,
    {
      since: Number(since),
      attributes: attributes(part('Attributes')),
      inputs: names(part('Inputs')),
      outputs: names(part('Outputs')),
    },
  ]
}

/** Versions that hold in some opset from the oldest to the canonical one, oldest first. */
function inUse(versions: readonly OpSchema[]): OpSchema[] {
  const sorted = versions.filter(({ since }) => since <= CANONICAL_OPSET).sort((a, b) => a.since - b.since)
  const first = sorted.findLastIndex(({ since }) => since <= OLDEST_OPSET)
  return sorted.slice(Math.max(first, 0))
}

function readSchemas(changelog: string): Map<string, OpSchema[]> {
  const byOp = new Map<string, OpSchema[]>()
  for (const opset of sections(changelog, '##')) {
    if (!opset.title.endsWith('of the default ONNX operator set')) continue
    for (const [op, schema] of sections(opset.body, '###').flatMap((part) => {
      const found = schemaOf(part)
      return found ? [found] : []
    })) {
      byOp.set(op, [...(byOp.get(op) ?? []), schema])
    }
  }
  return new Map(
    [...byOp]
      .map(([op, versions]): [string, OpSchema[]] => [op, inUse(versions)])
      .filter(([, versions]) => versions.length > 0)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
}

const [, script, changelog] = process.argv
if (script !== undefined && changelog !== undefined && import.meta.url === pathToFileURL(script).href) {
  const schemas = readSchemas(readFileSync(changelog, 'utf8'))
  const lines = [...schemas].map(
    ([op, versions]) =>
      `${JSON.stringify(op)}: [\n${versions.map((one) => JSON.stringify(one)).join(',\n')}\n]`,
  )
  writeFileSync(SCHEMAS, `{\n${lines.join(',\n')}\n}\n`)
  console.log(`${SCHEMAS}: ${schemas.size} ops`)
}
