import { basename, join } from 'node:path'
import { type LabelText, readLabelText } from '../../data/names/index.ts'
import { ModelError } from '../../errors.ts'
import { foundAt, readBytes, regularFile } from '../../tensor/reads-files.ts'
import type { Model } from '../model.ts'
import { decodedLabels, labelFileNames } from './labels-beside-files.ts'

const fault = { kind: ModelError, code: 'labels-unreadable' } as const

/** Larger files are no lists of labels, whatever they are called. */
const mostBytes = 2 ** 20

/**
 * A file of a model's folder with the labels of a model whose head has changed: the files that labels are read from, and any other list
 * or JSON that holds the old ones.
 *
 * @returns undefined where the file says no labels, or these already.
 * @throws ModelError `labels-unwritable`, `labels-unreadable`.
 */
export async function withLabelsInStep(
  path: string,
  classes: readonly string[],
): Promise<string | undefined> {
  const own = (labelFileNames as readonly string[]).includes(basename(path))
  if (!own && !/\.(txt|names|json)$/i.test(path)) return undefined
  if (!own && (await regularFile(path, fault)).size > mostBytes) return undefined
  const bytes = await readBytes(path, fault)
  if (own) return rewritten(readLabelText(path, decodedLabels(path, bytes)), classes)
  const found = tried(path, bytes)
  const old = found?.names ?? []
  // What begins as the new labels do is the list of the old ones; a single word may be anything.
  const isList =
    old.length > 1 && old.length <= classes.length && old.every((name, at) => classes[at] === name)
  return isList ? rewritten(found, classes) : undefined
}

/**
 * Checks that the files of labels in a model's folder can hold those of the model.
 *
 * @throws ModelError `labels-unwritable`, `labels-unreadable`.
 */
export async function checkLabelsInStep(folder: string, { classes }: Model): Promise<void> {
  for (const path of [folder, join(folder, 'onnx')].flatMap((at) =>
    labelFileNames.map((name) => join(at, name)),
  )) {
    if ((await foundAt(path, fault))?.isFile()) await withLabelsInStep(path, classes)
  }
}

function tried(path: string, bytes: Uint8Array): LabelText | undefined {
  try {
    const kind = path.toLowerCase().endsWith('.json') ? path : `${path}.txt`
    return readLabelText(kind, decodedLabels(path, bytes))
  } catch {
    // A file that says no labels stays as it is.
    return undefined
  }
}

function rewritten(found: LabelText | undefined, classes: readonly string[]): string | undefined {
  if (!found || JSON.stringify(found.names) === JSON.stringify(classes)) return undefined
  return found.write(classes)
}
