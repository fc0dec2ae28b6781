import { mkdirSync, writeFileSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { modelToOnnx } from '../src/model/import/onnx-model.ts'
import { mlp } from '../src/model/layers/networks.ts'
import { blobCsv, blobNames, blobs } from './blobs.ts'
import { buildCli, type Cli } from './cli.ts'

let cli: Cli
let folder: string
const classes = ['café', 'thé']

const run = (line: string) => cli.run(line.split(' ').filter(Boolean), { cwd: folder })

/** Rows of two places in the plane, whose classes have other names. */
const rows = (seed: number) =>
  blobCsv(blobs({ classes: blobNames.slice(0, 2), perClass: 60, seed }))
    .replaceAll(/amber/g, 'café')
    .replaceAll(/blue/g, 'thé')

beforeAll(async () => {
  cli = await buildCli()
  folder = await mkdtemp(join(tmpdir(), 'holdfast-reading-'))
  writeFileSync(join(folder, 'model.onnx'), modelToOnnx(mlp({ widths: [2, 8, 2], classes, seed: 1 })))
  writeFileSync(join(folder, 'other.onnx'), modelToOnnx(mlp({ widths: [2, 8, 2], classes, seed: 2 })))
  for (const [name, seed] of [
    ['train', 1],
    ['test', 2],
  ] as const) {
    mkdirSync(join(folder, 'odd'), { recursive: true })
    // As a spreadsheet of a German office writes it: semicolons, decimal commas, Latin-1, another name for the label.
    const odd = rows(seed).replaceAll(',', ';').replaceAll('.', ',').replace('label', 'Sorte')
    writeFileSync(join(folder, `odd/${name}.csv`), Buffer.from(odd, 'latin1'))
  }
  writeFileSync(
    join(folder, 'config.yaml'),
    'data: { source: odd, columns: { encoding: windows-1252 } }\nmodel: { kind: onnx, path: model.onnx }\nstream: { kind: split, classesPerTask: 2 }\nmethod: { name: none }\n',
  )
})
afterAll(() => cli.remove())

const verbs = [
  'update model.onnx --new odd --old odd --dry-run',
  'keep model.onnx --data odd -o x.keep',
  'gate model.onnx other.onnx --data odd --max-drop 90%',
  'curve model.onnx other.onnx --old odd --points 2',
  'fisher model.onnx --data odd -o x.safetensors',
]

describe('every verb that reads data', () => {
  test.each(verbs)('takes the same flags: holdfast %s', async (line) => {
    const { code, stdout, stderr } = await run(`${line} --label-column Sorte --encoding windows-1252 --json`)
    expect(stderr).not.toContain('error')
    expect(code).not.toBe(1)
    expect(JSON.parse(stdout).notes).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/odd\/\w+\.csv: ';' parts the columns\.$/),
        expect.stringMatching(/odd\/\w+\.csv: numbers have a decimal comma\.$/),
      ]),
    )
  })

  test.each(verbs)('speaks of flags: holdfast %s', async (line) => {
    const unread = await run(line)
    expect(unread.stderr).toMatch(
      /error \(text-encoding\): .*odd\/\w+\.csv, line 2, byte \d+: .* \(--encoding\)/,
    )
    const unlabelled = await run(`${line} --encoding windows-1252`)
    expect(unlabelled.stderr).toContain('there are x, y, Sorte. Say which holds the label (--label-column)')
    expect(unlabelled.code).toBe(1)
  })
})

test('a configuration is told of its own fields, and takes the same', async () => {
  const { stderr } = await run('learn config.yaml --out run')
  expect(stderr).toContain('Say which holds the label (data.columns.label)')
})

test('a gate on predictions reads them as they are written, and says so', async () => {
  const lines = [
    'id;label;pred',
    ...Array.from({ length: 40 }, (_, at) => `${at};thé;${at % 9 ? 'thé' : 'café'}`),
  ]
  writeFileSync(join(folder, 'p.csv'), Buffer.from(`${lines.join('\r\n')}\r\n`, 'latin1'))
  const refused = await run('gate p.csv p.csv --max-drop 50%')
  expect(refused.stderr).toContain('p.csv, line 2, byte 19: expected UTF-8, found the byte E9')
  const { code, stdout } = await run('gate p.csv p.csv --max-drop 50% --encoding windows-1252 --json')
  expect(code).toBe(0)
  expect(JSON.parse(stdout)).toMatchObject({ verdict: 'pass', notes: ["p.csv: ';' parts the columns."] })
  writeFileSync(join(folder, 'q.csv'), 'id,label,pred\n1,a,x"b\n')
  expect((await run('gate q.csv q.csv --max-drop 50%')).stderr).toContain('error (csv-syntax): q.csv')
})
