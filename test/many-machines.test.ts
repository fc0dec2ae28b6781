import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { z } from 'zod'
import { buildCli, type Cli } from './cli.ts'

const page = (name: string) => resolve(import.meta.dirname, '../docs/many-machines', name)
const small = ['--method', 'none,replay', '--scenario', 'class', '--seeds', '1..2']
const tiny = ['--data', 'synthetic', '--limit', '60,20', '--hidden', '4', '--batch', '8', '--iterations', '4']

let cli: Cli
let folder: string
let path: string

beforeAll(async () => {
  cli = await buildCli()
  folder = mkdtempSync(join(tmpdir(), 'holdfast-machines-'))
  // The program as it is installed, with a smaller grid than the one that the pages ask for.
  const program = join(folder, 'holdfast')
  const smaller = `
import { spawnSync } from 'node:child_process'
const words = process.argv.slice(2)
for (const flag of ['--method', '--scenario', '--seeds']) words.splice(words.indexOf(flag), 2)
const all = [...words, ...${JSON.stringify([...small, ...tiny])}]
process.exit(spawnSync(process.execPath, [${JSON.stringify(cli.file)}, ...all], { stdio: 'inherit' }).status ?? 9)
`
  writeFileSync(join(folder, 'smaller.mjs'), smaller)
  writeFileSync(program, `#!/bin/sh\nexec "${process.execPath}" "${join(folder, 'smaller.mjs')}" "$@"\n`)
  chmodSync(program, 0o755)
  path = `${folder}${delimiter}${process.env.PATH}`
})
afterAll(() => cli.remove())

const ran = (command: string, words: readonly string[], env: Record<string, string>) =>
  spawnSync(command, words, { cwd: folder, env: { ...process.env, ...env, PATH: path }, encoding: 'utf8' })

/** What is finished of the four runs. */
async function collected(store: string): Promise<number> {
  const { stdout } = await cli.run(['collect', join(folder, store), '--json'])
  return JSON.parse(stdout).benchmarks[0].results.length
}

test('the tasks of the Slurm array do all runs together', async () => {
  const env = { STORE: 'slurm', SLURM_CPUS_PER_TASK: '1', SLURM_ARRAY_TASK_COUNT: '2' }
  const first = ran('bash', [page('slurm.sh')], { ...env, SLURM_ARRAY_TASK_ID: '1' })
  expect([first.status, await collected('slurm')]).toEqual([0, 2])
  const second = ran('bash', [page('slurm.sh')], { ...env, SLURM_ARRAY_TASK_ID: '2' })
  expect([second.status, await collected('slurm')]).toEqual([0, 4])
})

describe('the manifests for Kubernetes', () => {
  const text = z.string().min(1)
  const quantity = z.string().regex(/^\d+(m|[KMGT]i?)?$/)
  /** Names as the API takes them. */
  const name = z.string().regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/)
  const container = z.strictObject({
    name,
    image: text,
    command: z.array(text).min(1),
    env: z.array(z.strictObject({ name: text, value: z.string() })).optional(),
    resources: z.strictObject({
      requests: z.strictObject({ cpu: quantity, memory: quantity }),
      limits: z.strictObject({ memory: quantity }),
    }),
    volumeMounts: z.array(z.strictObject({ name, mountPath: z.string().startsWith('/') })),
  })
  const pod = (restart: 'Never' | 'Always') =>
    z.strictObject({
      restartPolicy: z.literal(restart),
      terminationGracePeriodSeconds: z.int().min(1),
      containers: z.array(container).min(1),
      volumes: z.array(z.strictObject({ name, persistentVolumeClaim: z.strictObject({ claimName: name }) })),
    })
  // The part of batch/v1 that the page uses: a field that is misspelt or misplaced is refused.
  const job = z.strictObject({
    apiVersion: z.literal('batch/v1'),
    kind: z.literal('Job'),
    metadata: z.strictObject({ name }),
    spec: z
      .strictObject({
        completionMode: z.literal('Indexed'),
        completions: z.int().min(1),
        parallelism: z.int().min(1),
        backoffLimitPerIndex: z.int().min(0),
        template: z.strictObject({ spec: pod('Never') }),
      })
      .refine(({ completions, parallelism }) => parallelism <= completions),
  })
  const documentsIn = (file: string) =>
    parseAllDocuments(readFileSync(page(file), 'utf8')).map((document) => document.toJS())

  test('an Indexed Job has as many parts as completions, and they do all runs together', async () => {
    const [manifest] = documentsIn('kubernetes-job.yaml').map((each) => job.parse(each))
    const { completions = 0, template } = manifest?.spec ?? {}
    const [bench] = template?.spec.containers ?? []
    const [shell = '', dash, line = ''] = bench?.command ?? []
    expect([dash, line]).toEqual(['-c', expect.stringContaining(`+ 1))/${completions}"`)])
    expect(bench?.volumeMounts.map((mount) => mount.name)).toEqual(
      template?.spec.volumes.map((volume) => volume.name),
    )
    const inHere = line.replace('/shared/runs', 'kubernetes')
    // Of eight parts of four runs the first four have one each.
    for (const index of ['0', '1', '2', '3']) {
      expect(ran(shell, ['-c', inHere], { JOB_COMPLETION_INDEX: index }).status).toBe(0)
    }
    expect(await collected('kubernetes')).toBe(4)
  })
})
