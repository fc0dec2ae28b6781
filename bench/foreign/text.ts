import { spawnSync } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Errand } from './way.ts'

const known = ['banking', 'travel', 'home', 'utility', 'small_talk']
const joins = ['work']
/** Texts of each new intent: as many as somebody writes down in an afternoon. */
const FEW = 40

/**
 * A folder as transformers.js lays it out, which bench/foreign/text.py trains on the 75 intents of five domains of
 * CLINC150; 15 intents of a sixth join.
 */
export async function textErrand(python: string, folder: string): Promise<Errand> {
  const data = join(process.env.HOLDFAST_DATA ?? '../shared/data', 'clinc150')
  const at = (...names: string[]): string => join(folder, ...names)
  await mkdir(folder, { recursive: true })
  const made = spawnSync(python, ['bench/foreign/text.py', data, at('model'), '--domains', known.join()], {
    stdio: 'inherit',
  })
  if (made.status !== 0) throw new Error(`${python} could not make the model; it has to have torch.`)
  const domains = JSON.parse(await readFile(join(data, 'domains.json'), 'utf8')) as Record<string, string[]>
  const intents = (names: readonly string[]) => new Set(names.flatMap((name) => domains[name] ?? []))
  const write = async (
    to: string,
    from: string,
    names: readonly string[],
    most = Number.POSITIVE_INFINITY,
  ) => {
    const [wanted, counts] = [intents(names), new Map<string, number>()]
    const lines = (await readFile(join(data, from), 'utf8'))
      .trimEnd()
      .split('\n')
      .filter((line) => {
        const { label } = JSON.parse(line) as { label: string }
        const count = counts.get(label) ?? 0
        counts.set(label, count + 1)
        return wanted.has(label) && count < most
      })
    await mkdir(join(to, '..'), { recursive: true })
    await writeFile(to, `${lines.join('\n')}\n`)
  }
  await write(at('old', 'train.jsonl'), 'train.jsonl', known)
  await write(at('old', 'test.jsonl'), 'val.jsonl', known)
  await write(at('new', 'train.jsonl'), 'train.jsonl', joins, FEW)
  await write(at('new', 'test.jsonl'), 'val.jsonl', joins)
  await write(at('judge-old', 'test.jsonl'), 'test.jsonl', known)
  await write(at('judge-new', 'test.jsonl'), 'test.jsonl', joins)
  return {
    name: 'transformers.js folder',
    model: at('model'),
    old: at('old'),
    fresh: at('new'),
    judgeOld: at('judge-old'),
    judgeNew: at('judge-new'),
    maxDrop: '2%',
    addsClasses: true,
  }
}
