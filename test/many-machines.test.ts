import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { z } from 'zod'
import { buildCli, type Cli } from './cli.ts'

const page = (name: string) => resolve(import.meta.dirname, '../docs/many-machines', name)
const small = ['--method', 'none', '--scenario', 'class', '--seeds', '1..2']
const tiny = ['--data', 'synthetic', '--limit', '60,20', '--hidden', '4', '--batch', '8', '--iterations', '4']

let cli: Cli
let folder: string
let path: string

beforeAll(async () => {
  cli = await buildCli()
  folder = mkdtempSync(join(tmpdir(), 'holdfast-machines-'))
  // The program as it is installed, with a smaller grid than the one that the pages ask for.
  const program = join(folder, 'holdfast')
  const added = [...small, ...tiny].join(' ')
  writeFileSync(
    program,
    `#!/bin/sh
set -- "$@" END
while [ "$1" != END ]; do
  case $1 in
    --method | --scenario | --seeds) shift 2 ;;
    *) set -- "$@" "$1"; shift ;;
  esac
done
shift
exec "${process.execPath}" "${cli.file}" "$@" ${added}
`,
  )
  chmodSync(program, 0o755)
  path = `${folder}${delimiter}${process.env.PATH}`
})
afterAll(() => cli.remove())

const ran = (command: string, words: readonly string[], env: Record<string, string>) =>
  spawnSync(command, words, { cwd: folder, env: { ...process.env, ...env, PATH: path }, encoding: 'utf8' })

/** What is finished of the two runs. */
async function collected(store: string): Promise<number> {
  const { stdout } = await cli.run(['collect', join(folder, store), '--json'])
  return JSON.parse(stdout).benchmarks[0].results.length
}

test('the tasks of the Slurm array do all runs together', async () => {
  const env = { STORE: 'slurm', SLURM_CPUS_PER_TASK: '1', SLURM_ARRAY_TASK_COUNT: '2' }
  const first = ran('bash', [page('slurm.sh')], { ...env, SLURM_ARRAY_TASK_ID: '1' })
  expect([first.status, await collected('slurm')]).toEqual([0, 1])
  const second = ran('bash', [page('slurm.sh')], { ...env, SLURM_ARRAY_TASK_ID: '2' })
  expect([second.status, await collected('slurm')]).toEqual([0, 2])
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
    env: z.array(
      z.union([
        z.strictObject({ name: text, value: z.string() }),
        z.strictObject({
          name: text,
          valueFrom: z.strictObject({ secretKeyRef: z.strictObject({ name, key: text }) }),
        }),
      ]),
    ),
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
  const labels = z.record(text, text)
  // And of apps/v1.
  const deployment = z
    .strictObject({
      apiVersion: z.literal('apps/v1'),
      kind: z.literal('Deployment'),
      metadata: z.strictObject({ name }),
      spec: z.strictObject({
        replicas: z.int().min(1),
        selector: z.strictObject({ matchLabels: labels }),
        template: z.strictObject({ metadata: z.strictObject({ labels }), spec: pod('Always') }),
      }),
    })
    .refine(
      ({ spec: { selector, template } }) =>
        JSON.stringify(selector.matchLabels) === JSON.stringify(template.metadata.labels),
    )
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
    // Of eight parts of two runs the first two have one each.
    for (const index of ['0', '1']) {
      expect(ran(shell, ['-c', inHere], { JOB_COMPLETION_INDEX: index }).status).toBe(0)
    }
    expect(await collected('kubernetes')).toBe(2)
  })

  test('workers are started with flags that there are', async () => {
    const [manifest] = documentsIn('kubernetes-workers.yaml').map((each) => deployment.parse(each))
    const [, verb = '', url = '', ...flags] = manifest?.spec.template.spec.containers[0]?.command ?? []
    const words = [verb, url.replace(/\/\/.*/, '//127.0.0.1:1'), ...flags]
    words[words.indexOf('--store') + 1] = mkdtempSync(join(tmpdir(), 'holdfast-workers-'))
    // All is understood, and only the Redis is not there.
    const { stderr } = await cli.run(words, { cwd: folder })
    expect(stderr).toContain('error (queue-unreachable)')
  })
})
