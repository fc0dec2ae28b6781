import { readdirSync, readFileSync } from 'node:fs'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'
import { spoken } from './flags/index.ts'
import { openVerbs } from './verbs.ts'

const verbs = await openVerbs()

interface Message {
  readonly place: string
  readonly code: string
  /** Its fixed parts; what is filled in stands as `…`. */
  readonly text: string
}

/** All texts in an expression, those of the branches of conditions too. */
function textOf(node: ts.Node): string {
  if (ts.isStringLiteralLike(node)) return node.text
  if (ts.isTemplateExpression(node)) {
    const parts = node.templateSpans.map(({ expression, literal }) => `${textOf(expression)}${literal.text}`)
    return node.head.text + parts.join('')
  }
  const texts: string[] = []
  ts.forEachChild(node, (child) => {
    texts.push(textOf(child))
  })
  return `…${texts.filter((text) => text !== '…').join(' ')}`
}

/** Every message of an error that the sources make, outside the command line itself. */
function messages(): Message[] {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter(
    (file) => /(?<!\.test|_pb)\.ts$/.test(file) && !file.startsWith('cli'),
  )
  const found: Message[] = []
  for (const file of files) {
    const source = ts.createSourceFile(
      file,
      readFileSync(`src/${file}`, 'utf8'),
      ts.ScriptTarget.Latest,
      true,
    )
    const visit = (node: ts.Node): void => {
      if (ts.isNewExpression(node) && /Error$/.test(node.expression.getText())) {
        const [code, message] = node.arguments ?? []
        const { line } = source.getLineAndCharacterOfPosition(node.getStart())
        if (code && message) {
          found.push({ place: `${file}:${line + 1}`, code: textOf(code), text: textOf(message) })
        }
      }
      ts.forEachChild(node, visit)
    }
    visit(source)
  }
  return found
}

/** Errors that only programs can bring about: what they name has no flag and needs none. */
const ofPrograms = new Set(['fan', 'loss-dims', 'learn-options', 'random-range'])

/** The gate compares answers by the names of classes alone, and so has no positions. */
const exempt = (verb: string, option: string): boolean =>
  (verb === 'gate' || verb === 'fisher') && option === 'numbersArePositions'

describe('messages of errors', () => {
  const all = messages()
  const option = /\(([a-z][A-Za-z]*)\)/g
  const verbsThatRead = verbs.filter(({ facts }) => facts.some((fact) => fact.option === 'labelColumn'))

  it('are found', () => {
    expect(all.length).toBeGreaterThan(300)
    expect(verbsThatRead.length).toBeGreaterThan(4)
  })

  it.each(all.filter(({ code, text }) => !ofPrograms.has(code) && text.match(option)))(
    'name options that whoever reads data at the shell can set: $place',
    ({ text }) => {
      for (const [, name = ''] of text.matchAll(option)) {
        const unable = verbsThatRead.filter(
          (verb) => spoken(`(${name})`, verb.facts) === `(${name})` && !exempt(verb.name, name),
        )
        expect(
          unable.map((verb) => verb.name),
          name,
        ).toEqual([])
      }
    },
  )

  it('name options of the library in parentheses only, where the command line finds them', () => {
    const bare = all.flatMap(({ place, code, text }) => {
      if (ofPrograms.has(code)) return []
      const outside = text.replaceAll(option, '').replaceAll(/"[^"]*"|'[^']*'|`[^`]*`/g, '')
      const words = [...outside.matchAll(/(?<![\w./-])[a-z]+[A-Z]\w*/g)].map(([word]) => word)
      return words.map((word) => `${place} (${code}): ${word}`)
    })
    expect(bare).toEqual([])
  })
})
