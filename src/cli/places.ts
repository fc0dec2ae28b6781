import { mkdir, readdir, stat } from 'node:fs/promises'
import { basename, dirname } from 'node:path'
import { catalogue } from '../data/index.ts'
import { CheckpointError, DataError, didYouMean, ModelError } from '../errors.ts'
import { checkOutputs, type Input, type Output } from '../tensor/outputs-files.ts'

/** A file or folder that a verb reads; undefined where it was not named. */
export interface Read {
  readonly flag: string
  readonly path: string | undefined
  readonly is: 'model' | 'data' | 'pack'
}

/** One that it writes. */
export interface Written extends Omit<Output, 'path'> {
  readonly path: string | undefined
}

/**
 * Checks what a verb reads and then what it writes, before anything is computed: what is misspelt is told before what is missing.
 * Folders on the way to what is written are made.
 *
 * @param options.dry Makes no folders. Default false.
 * @throws ModelError `model-not-found`, DataError `data-missing`, CheckpointError `pack-missing` for what is not there; and what
 * {@link checkOutputs} throws.
 */
export async function checkPlaces(
  reads: readonly Read[],
  writes: readonly Written[] = [],
  { dry = false }: { readonly dry?: boolean } = {},
): Promise<void> {
  const inputs: Input[] = []
  for (const { flag, path, is } of reads) {
    if (path === undefined || (is === 'data' && isNamed(path))) continue
    await stat(path).catch(async (cause: unknown) => {
      throw await notThere(`${flag} ${path}`, path, is, cause)
    })
    inputs.push({ flag, path })
  }
  const outputs = writes.flatMap(({ path, ...output }) => (path === undefined ? [] : [{ ...output, path }]))
  await checkOutputs(outputs, inputs)
  if (dry) return
  for (const { path } of outputs) await mkdir(dirname(path), { recursive: true })
}

const isNamed = (source: string): boolean =>
  source === 'synthetic' || catalogue.some(({ name }) => name === source.toLowerCase())

const errors = {
  model: [ModelError, 'model-not-found', 'Give the path of an .onnx file, or of a folder with one.'],
  data: [DataError, 'data-missing', 'Give the path of data.'],
  pack: [
    CheckpointError,
    'pack-missing',
    'A retention pack is made with: holdfast keep model.onnx --data old/ -o model.keep',
  ],
} as const

async function notThere(said: string, path: string, is: Read['is'], cause: unknown): Promise<Error> {
  const beside = await readdir(dirname(path)).catch((): string[] => [])
  const [Kind, code, way] = errors[is]
  return new Kind(
    code,
    `${said}: there is no such file or folder. ${way}${didYouMean(basename(path), beside)}`,
    { cause },
  )
}
