import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { checkDocPrograms, docProgram, documents, programOf, runDocProgram } from './doc-snippets.ts'

describe('the programs that documents show', () => {
  const programs = documents().flatMap((document) => docProgram(document) ?? [])

  it('have the types of the sources', () => checkDocPrograms(programs))

  it.each(programs)('run to their end: $document', async (program) => {
    await expect(runDocProgram(program)).resolves.toBeTypeOf('string')
  })

  it('joins the marked blocks of a document at their own lines', () => {
    const markdown =
      'Text\n```ts run\nconst a = 1\n```\n```ts\nfragment\n```\n```ts run\nconsole.log(a)\n```\n'
    expect(programOf(markdown).split('\n')).toEqual([
      '',
      '',
      'const a = 1',
      '',
      '',
      '',
      '',
      '',
      'console.log(a)',
      '',
      '',
    ])
  })

  it('refuses a program with a wrong type, naming the line of the document', async () => {
    const program = { document: 'docs/wrong.md', source: '\n\nconst model: string = 1' }
    await expect(checkDocPrograms([program])).rejects.toThrow(/wrong\.md\.ts\(3,7\).*TS2322/)
  })

  it('fails when a program fails', async () => {
    const program = { document: 'docs/fails.md', source: "throw new Error('no such thing')" }
    await expect(runDocProgram(program)).rejects.toThrow('no such thing')
  })
})

describe('the files that documents name', () => {
  const pages = ['README.md', 'README.zh-CN.md', 'CONTRIBUTING.md', ...markdownIn('docs')]

  it.each(pages)('are there: %s', (page) => {
    const named = readFileSync(page, 'utf8').match(
      /\b(src|test|bench|scripts|examples)\/[a-z\d./-]+\.(ts|mjs|sh)\b/g,
    )
    expect([...new Set(named)].filter((path) => !existsSync(path))).toEqual([])
  })
})

it('no document calls what a signal ends an error: the exit codes are 130 and 143', () => {
  const tables = markdownIn('docs').filter((page) => /^\| 1 \|.*Ctrl-C/m.test(readFileSync(page, 'utf8')))
  expect(tables).toEqual([])
})

function markdownIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => `${folder}/${name}`)
}
