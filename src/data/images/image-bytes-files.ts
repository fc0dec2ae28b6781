import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { DataError } from '../../errors.ts'
import { reading, regularFile } from '../../tensor/reads-files.ts'

/** Larger files are read by another thread. */
const mostBytes = 2 ** 16

const fault = { code: 'image-unreadable' }

/**
 * The bytes of an image's file. Small ones are read on the calling thread: to ask another costs ten times as much as the reading.
 *
 * @param place What names the image, if not its file.
 * @throws DataError `image-unreadable`, also for a folder, a pipe or a device.
 */
export async function imageBytes(file: string, place: string): Promise<Uint8Array> {
  try {
    return await reading(file, async () => readSmall(file) ?? (await readLarge(file)), fault)
  } catch (cause) {
    if (!(cause instanceof DataError) || place === file) throw cause
    throw new DataError('image-unreadable', `${place}: the image cannot be read: ${cause.message}`, { cause })
  }
}

/** undefined for what is large, or no file. */
function readSmall(file: string): Uint8Array | undefined {
  // To open a pipe would wait for somebody to write to it; Windows has neither.
  const descriptor = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  try {
    const found = fstatSync(descriptor)
    if (!found.isFile() || found.size > mostBytes) return undefined
    const bytes = new Uint8Array(found.size)
    const count = readSync(descriptor, bytes, 0, bytes.length, 0)
    return bytes.subarray(0, count)
  } finally {
    closeSync(descriptor)
  }
}

async function readLarge(file: string): Promise<Uint8Array> {
  await regularFile(file, fault)
  return readFile(file)
}
