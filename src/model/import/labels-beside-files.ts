import { dirname, join } from 'node:path'
import { type LabelText, readLabelText } from '../../data/names/index.ts'
import { ModelError } from '../../errors.ts'
import { foundAt, readBytes } from '../../tensor/reads-files.ts'
import { modelFolder } from './find-files.ts'

/** Where labels are looked for beside a model, in this order. */
export const labelFileNames = ['labels.txt', 'labels.json', 'config.json'] as const

/**
 * The files beside a model that say or should say its labels: in its folder, and in the one above a folder `onnx`.
 *
 * @param outputs How many labels there should be, where that is known.
 * @throws ModelError `labels-unreadable`.
 */
export async function labelTextsBeside(model: string, outputs: number | undefined): Promise<LabelText[]> {
  const folders = new Set([dirname(model), modelFolder(model)])
  const found: LabelText[] = []
  for (const path of [...folders].flatMap((folder) => labelFileNames.map((name) => join(folder, name)))) {
    const bytes = await bytesOf(path)
    const text = bytes && readLabelText(path, decodedLabels(path, bytes), outputs)
    if (text) found.push(text)
  }
  return found
}

async function bytesOf(path: string): Promise<Uint8Array | undefined> {
  const fault = { kind: ModelError, code: 'labels-unreadable', way: 'Mend it or take it away.' }
  return (await foundAt(path, fault)) === undefined ? undefined : readBytes(path, fault)
}

/**
 * UTF-8, or UTF-16 with its mark, as editors of Windows write it.
 *
 * @throws ModelError `labels-unreadable`.
 */
export function decodedLabels(path: string, bytes: Uint8Array): string {
  const encoding =
    bytes[0] === 0xff && bytes[1] === 0xfe
      ? 'utf-16le'
      : bytes[0] === 0xfe && bytes[1] === 0xff
        ? 'utf-16be'
        : 'utf-8'
  try {
    return new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    throw unreadable(
      path,
      'it is not UTF-8 (perhaps it was saved as Latin-1 or Windows-1252); save it as UTF-8',
      error,
    )
  }
}

const unreadable = (path: string, reason: string, cause: unknown): ModelError =>
  new ModelError('labels-unreadable', `${path}: the labels cannot be read: ${reason}.`, { cause })
