import { writeWhole } from '../../tensor/whole-files.ts'
import { readPackBytes } from '../pack-container-files.ts'
import type { Pack } from './pack.ts'
import { decodePack, encodePack } from './pack-codec.ts'

/**
 * Reads a retention pack.
 *
 * @throws CheckpointError `pack-missing` when the file cannot be read, and what {@link decodePack} throws.
 * @example
 * const { exemplars, logits, heldOut } = await readPack('model.keep')
 */
export const readPack = async (path: string): Promise<Pack> => decodePack(await readPackBytes(path), path)

/**
 * Writes a retention pack; whatever happens meanwhile, the file is whole: the old one or the new.
 *
 * @returns How many bytes it has.
 * @throws EnvironmentError `write-failed`; and what {@link encodePack} throws.
 */
export async function writePack(path: string, pack: Pack): Promise<number> {
  const bytes = encodePack(pack)
  await writeWhole(path, bytes)
  return bytes.byteLength
}
