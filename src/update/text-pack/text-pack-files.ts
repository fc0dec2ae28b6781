import { writeWhole } from '../../tensor/whole-files.ts'
import { readPackBytes } from '../pack-container-files.ts'
import type { TextPack } from './text-pack.ts'
import { decodeTextPack, encodeTextPack } from './text-pack-codec.ts'

/**
 * Reads a retention pack of texts.
 *
 * @throws CheckpointError `pack-missing` when the file cannot be read, and what {@link decodeTextPack} throws.
 * @example
 * const { exemplars, answers, heldOut, losses } = await readTextPack('gpt.keep')
 */
export const readTextPack = async (path: string): Promise<TextPack> =>
  decodeTextPack(await readPackBytes(path), path)

/**
 * Writes a retention pack of texts; whatever happens meanwhile, the file is whole: the old one or the new.
 *
 * @returns How many bytes it has.
 * @throws EnvironmentError `write-failed`.
 */
export async function writeTextPack(path: string, pack: TextPack): Promise<number> {
  const bytes = encodeTextPack(pack)
  await writeWhole(path, bytes)
  return bytes.byteLength
}
