import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { obstacleTo } from '../../engine/devices-node.ts'
import { fastestDevice } from '../auto-device.ts'
import type { DeviceReport } from './devices-node.ts'
import { refuseClosed } from './refuse-closed-node.ts'
import { recalled, remember } from './remembered-files.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-remembered-'))
})
beforeEach(async () => {
  await rm(join(folder, 'devices'), { recursive: true, force: true })
  vi.stubEnv('HOLDFAST_CACHE', folder)
  vi.stubEnv('HOLDFAST_CACHE_BYTES', '1000')
  // A sign of a graphics device.
  vi.stubEnv('VK_DRIVER_FILES', join(folder, 'driver.json'))
})
afterAll(async () => {
  vi.unstubAllEnvs()
  await rm(folder, { recursive: true })
})

const step = (threads: number, milliseconds: number) => ({
  ...{ threads, milliseconds },
  ...{ openingMilliseconds: 1, steps: 1 },
})
const cpu: DeviceReport = { device: 'cpu', opens: true, steps: [step(1, 5), step(4, 3)] }
const day = 24 * 60 * 60 * 1000

describe('what devices were found to be', () => {
  it('is known for a day, of the CPU for the threads that were tried', async () => {
    await remember([cpu], 1000)
    expect(await recalled('cpu', 4, 1000 + day - 1)).toEqual({ ...cpu, steps: [step(4, 3)] })
    expect(await recalled('cpu', 2, 1000)).toBeUndefined()
    expect(await recalled('cpu', 4, 1000 + day)).toBeUndefined()
    // A clock that was set back.
    expect(await recalled('cpu', 4, 999)).toBeUndefined()
  })

  it('is not known with another driver, and kept nowhere where the cache keeps nothing', async () => {
    await remember([cpu])
    vi.stubEnv('VK_DRIVER_FILES', 'other.json')
    expect(await recalled('cpu', 4)).toBeUndefined()
    vi.stubEnv('HOLDFAST_CACHE', join(folder, 'none'))
    vi.stubEnv('HOLDFAST_CACHE_BYTES', '0')
    await remember([cpu])
    expect(await readdir(folder)).not.toContain('none')
  })

  it('is not known from a file that is damaged, and is no error where none can be written', async () => {
    await remember([cpu])
    for (const name of await readdir(join(folder, 'devices'))) {
      await writeFile(join(folder, 'devices', name), '{"schema":"holdfast.device/1"}')
    }
    expect(await recalled('cpu', 4)).toBeUndefined()
    await writeFile(join(folder, 'file'), '')
    vi.stubEnv('HOLDFAST_CACHE', join(folder, 'file'))
    await remember([cpu])
    expect(await recalled('cpu', 4)).toBeUndefined()
  })
})

/** A program that stands for this one, says something of WebGPU, and counts how often it is asked. */
async function program(report: object): Promise<{ url: string; asked: () => Promise<number> }> {
  const counts = await mkdtemp(join(folder, 'asked-'))
  const path = join(counts, 'program.mjs')
  const said = JSON.stringify({ devices: [{ device: 'webgpu', ...report }] })
  await writeFile(
    path,
    `import { mkdtempSync } from 'node:fs'
     mkdtempSync(${JSON.stringify(join(counts, 'time-'))})
     console.error('Warning: of a driver')
     console.log(${JSON.stringify(said)})`,
  )
  const asked = async () => (await readdir(counts)).length - 1
  return { url: pathToFileURL(path).href, asked }
}

describe.skipIf(obstacleTo('webgpu') || !obstacleTo('cuda'))('a device that has a driver', () => {
  const fast = { opens: true, steps: [step(1, 1e-6)] }

  it('is tried once a day by --device auto, which says so where it takes long', async () => {
    const { url, asked } = await program(fast)
    const lines: string[] = []
    const options = { threads: 1, program: url, say: (line: string) => lines.push(line), patience: 0 }
    expect(await fastestDevice(options)).toMatchObject({
      device: 'webgpu',
      why: expect.stringMatching(/on webgpu\.$/),
    })
    expect(lines).toEqual(['Trying devices (webgpu); a driver may take a while …'])
    const patient = { ...options, say: (line: string) => expect.unreachable(line), patience: 60_000 }
    expect(await fastestDevice(patient)).toMatchObject({
      device: 'webgpu',
      why: expect.stringContaining('(as found within the last day; holdfast doctor tries anew).'),
    })
    expect(await asked()).toBe(1)
    await fastestDevice({ ...patient, anew: true })
    expect(await asked()).toBe(2)
  })

  it('is asked before it is opened, once a day where it opens', async () => {
    const { url, asked } = await program(fast)
    await refuseClosed('webgpu', url)
    await refuseClosed('webgpu+cpu', url)
    expect(await asked()).toBe(1)
  })

  it('is refused in the words of the engine where it does not, and asked anew the next time', async () => {
    const { url, asked } = await program({ opens: false, reason: 'No adapter.', way: 'Use --device cpu.' })
    for (const times of [1, 2]) {
      await expect(refuseClosed('webgpu+cpu', url)).rejects.toMatchObject({
        code: 'device-unavailable',
        message: 'Device "webgpu+cpu" cannot be used here: No adapter. Use --device cpu.',
      })
      expect(await asked()).toBe(times)
    }
  })

  it('is not asked where it prints nothing', async () => {
    const { url, asked } = await program(fast)
    await refuseClosed('cuda', url)
    await refuseClosed('cpu', url)
    expect(await asked()).toBe(0)
  })
})
