import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { wireFields } from '../../onnx/wire.ts'
import { tensorBoard } from './tensorboard-files.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-tensorboard-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** CRC-32C by the definition: division of polynomials, a bit at a time. */
function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff
  for (const byte of bytes) {
    for (let bit = 0; bit < 8; bit++) {
      const odd = ((crc ^ (byte >> bit)) & 1) === 1
      crc = odd ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
    }
  }
  return ~crc >>> 0
}

/** What TensorFlow's reader does with a masked checksum: takes the constant off and rotates left. */
function unmasked(stored: number): number {
  const rotated = (stored - 0xa282ead8) >>> 0
  return ((rotated >>> 17) | (rotated << 15)) >>> 0
}

/** The records of a file, whose checksums must hold. */
function recordsOf(bytes: Uint8Array): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const records: Uint8Array[] = []
  for (let at = 0; at < bytes.byteLength; ) {
    const length = Number(view.getBigUint64(at, true))
    const record = bytes.subarray(at + 12, at + 12 + length)
    expect(unmasked(view.getUint32(at + 8, true))).toBe(crc32c(bytes.subarray(at, at + 8)))
    expect(unmasked(view.getUint32(at + 12 + length, true))).toBe(crc32c(record))
    records.push(record)
    at += 16 + length
  }
  return records
}

/** An Event's fields: wall_time 1 double, step 2 int64, file_version 3 string, summary 5 of values 1 of tag 1 and simple_value 2. */
function eventOf(bytes: Uint8Array) {
  const event: { wallTime?: number; step?: number; version?: string; scalars: [string, number][] } = {
    scalars: [],
  }
  const text = (from: number, to: number) => new TextDecoder().decode(bytes.subarray(from, to))
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (const { number, value, end } of wireFields(bytes)) {
    if (number === 1) event.wallTime = view.getFloat64(value, true)
    if (number === 2)
      event.step = [...bytes.subarray(value, end)].reduceRight((sum, byte) => sum * 128 + (byte & 127), 0)
    if (number === 3) event.version = text(value, end)
    if (number !== 5) continue
    for (const scalar of wireFields(bytes, value, end)) {
      let tag = ''
      for (const field of wireFields(bytes, scalar.value, scalar.end)) {
        if (field.number === 1) tag = text(field.value, field.end)
        if (field.number === 2) event.scalars.push([tag, view.getFloat32(field.value, true)])
      }
    }
  }
  return event
}

it('computes the checksum that RFC 3720 gives for its examples', () => {
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa)
  expect(crc32c(new TextEncoder().encode('123456789'))).toBe(0xe3069283)
})

it('writes event files that the documented format reads back', async () => {
  const before = Date.now() / 1000
  const tracker = tensorBoard(join(folder, 'new', 'logs'), expect.fail)
  tracker.log({ step: 25, numbers: { 'loss/task': 0.5, 'accuracy/größer': -1.25 } })
  tracker.log({ step: 100_000, numbers: { 'loss/task': 0.25 } })
  expect(await tracker.close('finished')).toBeUndefined()
  const [name = ''] = await readdir(join(folder, 'new', 'logs'))
  expect(name).toMatch(/^events\.out\.tfevents\.\d{10}\./)
  const events = recordsOf(await readFile(join(folder, 'new', 'logs', name))).map(eventOf)
  expect(events[0]?.version).toBe('brain.Event:2')
  expect(events.slice(1).map(({ step, scalars }) => ({ step, scalars }))).toEqual([
    {
      step: 25,
      scalars: [
        ['loss/task', 0.5],
        ['accuracy/größer', -1.25],
      ],
    },
    { step: 100_000, scalars: [['loss/task', 0.25]] },
  ])
  for (const { wallTime } of events) expect(wallTime).toBeGreaterThanOrEqual(before)
})

it('gives each tracker a file of its own', async () => {
  const logs = join(folder, 'twice')
  await tensorBoard(logs, expect.fail).close('finished')
  await tensorBoard(logs, expect.fail).close('finished')
  expect(await readdir(logs)).toHaveLength(2)
})

it('warns once where nothing can be written, and counts what is missing', async () => {
  const path = join(folder, 'a-file')
  await writeFile(path, '')
  const warnings: string[] = []
  const tracker = tensorBoard(join(path, 'logs'), (line) => warnings.push(line))
  tracker.log({ step: 1, numbers: { loss: 1 } })
  tracker.log({ step: 2, numbers: { loss: 2 } })
  expect(await tracker.close('finished')).toMatch(/2 measurements could not be written/)
  expect(warnings).toHaveLength(1)
})
