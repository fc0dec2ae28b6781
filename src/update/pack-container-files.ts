import { CheckpointError } from '../errors.ts'
import { readBytes } from '../tensor/reads-files.ts'
import { type PackHolds, packHolds } from './pack-container.ts'

/** @throws CheckpointError `pack-missing` when the file cannot be read. */
export const readPackBytes = (path: string): Promise<Uint8Array> =>
  readBytes(path, {
    kind: CheckpointError,
    code: 'pack-missing',
    way: 'A retention pack is made with: holdfast keep model.onnx --data old/ -o model.keep',
  })

/**
 * What a pack holds: rows for a classifier, or texts for a language model.
 *
 * @throws CheckpointError `pack-missing`, `pack-damaged`, `pack-version`.
 */
export const packHoldsAt = async (path: string): Promise<PackHolds> =>
  packHolds(await readPackBytes(path), path)
