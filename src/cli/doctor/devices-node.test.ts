import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { obstacleTo } from '../../engine/devices-node.ts'
import { type DeviceReport, fastest, tryApart } from './devices-node.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-doctor-'))
})
afterAll(() => rm(folder, { recursive: true }))

/** A program that stands for this one. */
async function program(text: string): Promise<string> {
  const path = join(folder, `${text.length}.mjs`)
  await writeFile(path, text)
  return pathToFileURL(path).href
}

describe.skipIf(obstacleTo('webgpu'))('a device that is tried in a process of its own', () => {
  it('may end that process', async () => {
    const died = await tryApart('webgpu', await program("process.kill(process.pid, 'SIGKILL')"))
    expect(died).toMatchObject({
      opens: false,
      reason: 'Its driver ended the process that tried it (SIGKILL).',
      way: expect.stringContaining('--device cpu'),
    })
  })

  it('is asked by the command line, and what it says is taken', async () => {
    const report: DeviceReport = {
      ...{ device: 'webgpu', opens: true },
      steps: [{ threads: 1, milliseconds: 3, openingMilliseconds: 9, steps: 5 }],
    }
    const said = `console.log(JSON.stringify({ words: process.argv.slice(2), devices: [${JSON.stringify(report)}] }))`
    expect(await tryApart('webgpu', await program(said))).toEqual(report)
  })

  it('may say nothing that is understood', async () => {
    const garbled = await tryApart('webgpu', await program("console.log('{')"))
    expect(garbled).toMatchObject({ opens: false, reason: expect.stringContaining('without an answer') })
  })
})

describe('a device that the runtime has not on this system', () => {
  const system = process.platform
  beforeAll(() => {
    Object.defineProperty(process, 'platform', { value: 'freebsd' })
    vi.resetModules()
  })
  afterAll(() => {
    Object.defineProperty(process, 'platform', { value: system })
    vi.resetModules()
  })

  it('is refused alike in this process and in one of its own, and nothing is to be installed', async () => {
    const { tryApart: apart, tryHere: here } = await import('./devices-node.ts')
    const refused = await here('cuda')
    expect(refused).toMatchObject({
      reason: expect.stringMatching(
        /^onnxruntime-node has CUDA on Linux x64 alone, and this is freebsd \w+\.$/,
      ),
      way: 'Use --device cpu.',
    })
    expect(await apart('cuda', 'file:///none.mjs')).toEqual(refused)
  })
})

describe('the fastest device', () => {
  const at = (device: 'cpu' | 'webgpu', ...times: number[]): DeviceReport => ({
    device,
    opens: true,
    steps: times.map((milliseconds, threads) => ({
      threads: threads + 1,
      milliseconds,
      openingMilliseconds: 1,
      steps: 1,
    })),
  })
  const closed: DeviceReport = { device: 'cuda', opens: false, reason: 'None.', way: 'None.' }

  it('is that of the shortest step, on as many threads as it likes', () => {
    expect(fastest([at('cpu', 9, 5), at('webgpu', 6), closed])).toBe('cpu')
    expect(fastest([at('cpu', 9, 7), at('webgpu', 6), closed])).toBe('webgpu')
  })

  it('is none where none opens', () => {
    expect(fastest([closed])).toBeUndefined()
  })
})
