import { join } from 'node:path'
import { fingerprint } from '../../data/fingerprint.ts'
import { sha256 } from '../../data/sha256.ts'
import { CheckpointError } from '../../errors.ts'
import type { TaughtRows } from '../../methods/taught.ts'
import { foundAt, readBytes } from '../../tensor/reads-files.ts'
import { readSafetensors, writeSafetensors } from '../../tensor/safetensors.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { writeWhole } from '../../tensor/whole-files.ts'

/** Where the answers of teachers are kept in the folder of a run. */
const FILE = 'teacher-answers.safetensors'

/**
 * Answers as they are kept in a folder, or else asked for and kept there. They belong to these rows, in this order, and to what was asked
 * of whom.
 *
 * @param of Says who was asked what.
 */
export async function keptAnswers(
  folder: string,
  rows: readonly TaughtRows[],
  of: string,
  ask: () => Promise<ReadonlyMap<string, Tensor>>,
): Promise<ReadonlyMap<string, Tensor>> {
  const file = join(folder, FILE)
  const hash = sha256().update(of)
  for (const { name, dataset } of rows) hash.update(name).update(fingerprint(dataset))
  const key = hash.hex()
  const fault = {
    kind: CheckpointError,
    code: 'answers-unreadable',
    way: 'Remove it, and the teacher is asked again.',
  }
  if (await foundAt(file, fault)) {
    const { tensors, metadata } = readSafetensors(await readBytes(file, fault), file)
    if (metadata.key === key) return tensors
  }
  const found = await ask()
  await writeWhole(file, writeSafetensors(found, { key }))
  return found
}
