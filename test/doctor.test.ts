import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { machineHere, packagesHere, placesHere, versionOf } from '../src/cli/doctor/index-files.ts'
import { obstacleTo } from '../src/engine/devices-node.ts'
import { buildCli, type Cli } from './cli.ts'

let cli: Cli
beforeAll(async () => {
  cli = await buildCli()
})
afterAll(() => cli.remove())

const packageJson = JSON.parse(readFileSync('package.json', 'utf8')) as { readonly version: string }

describe('holdfast doctor', () => {
  test('says what there is, and that a device is missing is no error', async () => {
    const { stdout, code } = await cli.run(['doctor', '--json'])
    const report = JSON.parse(stdout)
    expect(code).toBe(0)
    expect(report).toMatchObject({
      schema: 'holdfast.doctor/1',
      versions: { holdfast: packageJson.version, node: process.versions.node },
      platform: `${process.platform} ${process.arch}`,
      devices: [{ device: 'cpu', opens: true }, { device: 'webgpu' }, { device: 'cuda' }],
    })
    expect(report.processor.cores).toBeLessThanOrEqual(availableParallelism())
    const [cpu, ...others] = report.devices
    expect(cpu.steps.map(({ threads }: { threads: number }) => threads)).toEqual(
      report.processor.cores === 1 ? [1] : [1, report.processor.cores],
    )
    for (const { opens, reason, way } of others) {
      if (!opens)
        expect([reason, way]).toEqual([
          expect.stringMatching(/\.$/),
          expect.stringMatching(/--device cpu\.$/),
        ])
    }
  })

  test('tells no path of the user beyond ~', async () => {
    const { stdout } = await cli.run(['doctor', '--device', 'cpu', '--threads', '1'])
    expect(stdout).toMatch(/^versions {3}holdfast \d/)
    expect(stdout).toMatch(/cpu {5}[\d.]+ ms, 1 thread; opened in \d+ ms/)
    if (homedir().length > 1) expect(stdout).not.toContain(homedir())
  })

  test.runIf(obstacleTo('cuda'))('fails where the device that was asked for is not there', async () => {
    const { stdout, code } = await cli.run(['doctor', '--device', 'cuda'])
    expect(code).toBe(1)
    expect(stdout).toMatch(/cuda {4}no: .*CUDA/)
    expect(stdout).not.toContain('Device "cuda"')
  })

  test('--device auto is one device everywhere, and says which', async () => {
    const { stdout, stderr, code } = await cli.run(['doctor', '--device', 'auto', '--json'])
    expect(code).toBe(0)
    const { devices } = JSON.parse(stdout)
    expect(devices).toHaveLength(1)
    expect(stderr).toContain(`Device: ${devices[0].device}`)
  })
})

describe('what the doctor looks at', () => {
  let folder: string
  const before = { ...process.env }
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'holdfast-places-'))
  })
  afterAll(async () => {
    process.env = before
    await rm(folder, { recursive: true })
  })

  test('the cache is counted where it lies, and a data folder that is not there is said', async () => {
    await writeFile(join(folder, 'one'), 'abc')
    await writeFile(join(folder, 'two'), 'defgh')
    process.env = { ...before, HOLDFAST_CACHE: folder, HOLDFAST_DATA: join(folder, 'nowhere') }
    expect(await placesHere()).toMatchObject({
      cache: { folder, from: 'HOLDFAST_CACHE', files: 2, bytes: 8, writable: true },
      data: { folder: join(folder, 'nowhere'), exists: false, sets: [] },
    })
    process.env = { ...before, HOLDFAST_CACHE: join(folder, 'not', 'made') }
    expect(await placesHere()).toMatchObject({ cache: { files: 0, bytes: 0, writable: true } })
  })

  test('a cache that is a file, or lies under one, cannot be written to', async () => {
    const file = join(folder, 'a-file')
    await writeFile(file, 'abc')
    for (const place of [file, join(file, 'below')]) {
      process.env = { ...before, HOLDFAST_CACHE: place }
      expect(await placesHere(), place).toMatchObject({ cache: { writable: false } })
    }
  })

  test('packages are those that are installed', async () => {
    expect(await versionOf('sharp')).toMatch(/^\d+\.\d+/)
    expect(await versionOf('no-such-package-here')).toBeUndefined()
    const sharp = (await packagesHere()).find(({ name }) => name === 'sharp')
    expect(sharp).toEqual({ name: 'sharp', version: await versionOf('sharp'), use: 'images' })
  })

  test('the machine has the memory and processors that the system says', () => {
    const { memory, processor } = machineHere()
    expect(memory.availableBytes).toBeGreaterThan(0)
    expect(memory.availableBytes).toBeLessThanOrEqual(memory.totalBytes)
    expect(processor.allowed).toBeLessThanOrEqual(processor.all)
    expect(processor.cores).toBeLessThanOrEqual(processor.allowed)
  })
})
