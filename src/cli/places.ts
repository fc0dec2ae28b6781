import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { catalogue } from '../data/index.ts'
import { CheckpointError, DataError, didYouMean, ModelError, UsageError } from '../errors.ts'
import { checkOutputs, type Input, type Mine, type Output } from '../tensor/outputs-files.ts'
import { readObstacle } from '../tensor/reads-files.ts'
import type { Outputs } from './outputs.ts'

/** A file or folder that a verb reads; undefined where it was not named. */
export interface Read {
  /** Whether a model's predictions will do as well. Default false. */
  readonly predictions?: boolean | undefined
  readonly flag: string
  readonly path: string | undefined
  /** `file`: one that is no folder; `run`: the folder of one; `results`: that, or a file; `store`: the folder that keeps a benchmark's runs. */
  readonly is: 'model' | 'data' | 'pack' | 'file' | 'config' | 'run' | 'results' | 'store'
}

/** One that it writes. */
export interface Written extends Omit<Output, 'path'> {
  readonly path: string | undefined
}

/**
 * Checks what a verb reads and then what it writes, before anything is computed: what is misspelt is told before what is missing.
 * Folders on the way to what is written are made; where the verb fails, those that are still empty are taken away again.
 *
 * @param outputs Where folders are made and places are held; undefined for a dry run, which does neither.
 * @throws ModelError `model-not-found`, DataError `data-missing`, CheckpointError `pack-missing` for what is not there; EnvironmentError
 * `out-in-use`; and what {@link checkOutputs} throws.
 */
export function checkPlaces(reads: readonly Read[]): Promise<void>
export function checkPlaces(
  reads: readonly Read[],
  writes: readonly Written[],
  outputs: Outputs | undefined,
): Promise<void>
export async function checkPlaces(
  reads: readonly Read[],
  writes: readonly Written[] = [],
  outputs?: Outputs,
): Promise<void> {
  const inputs: Input[] = []
  for (const { flag, path, is } of reads) {
    if (path === undefined || (is === 'data' && isNamed(path))) continue
    await checkRead(flag, path, is)
    if (is === 'results' || is === 'store') inputs.push(...(await resultFiles(flag, path)))
    else inputs.push({ flag, path })
  }
  refuseOtherKinds(reads)
  const wanted = writes.flatMap(({ path, ...output }) => (path === undefined ? [] : [{ ...output, path }]))
  await checkOutputs(wanted, inputs)
  for (const { flag, path, held } of wanted) {
    await outputs?.makeFolder(resolve(dirname(path)))
    if (held) await outputs?.hold(resolve(path), `${flag} ${path}`)
  }
}

/** What a folder for low-rank updates may hold. */
export const olderAdapter: Mine = {
  what: 'one that holds an older adapter, which is then replaced',
  is: (_path, names) => names.includes('adapter_config.json'),
}

const endings = {
  model: /\.onnx$/i,
  pack: /\.keep$/i,
  data: /\.(csv|tsv|json|jsonl|ndjson|parquet|npz|npy)(\.gz)?$/i,
} as const
const names = { model: 'a model', pack: 'a retention pack', data: 'data' } as const

/** What a path is by its ending; undefined where that says nothing. */
const kindOf = (path: string | undefined): keyof typeof endings | undefined =>
  path === undefined
    ? undefined
    : (['model', 'pack', 'data'] as const).find((kind) => endings[kind].test(path))

/** @throws UsageError `argument-kind` where an ending says that something else was given than is read. */
function refuseOtherKinds(reads: readonly Read[]): void {
  for (const { flag, path, is, predictions = false } of reads) {
    const found = kindOf(path)
    if (found === undefined || found === is || !(is === 'model' || is === 'data' || is === 'pack')) continue
    if (predictions && found === 'data') continue
    const other = reads.find((each) => each.is === found && kindOf(each.path) === is)
    const way = other
      ? `${other.flag} ${other.path} is ${names[is]}: the two are swapped.`
      : `Give ${names[is]}.`
    throw new UsageError(
      'argument-kind',
      `${flag} ${path}: this is ${names[found]} by its ending, but ${names[is]} should stand here. ${way}`,
    )
  }
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
  config: [
    UsageError,
    'config-missing',
    'Write a configuration to start from with: holdfast learn --init holdfast.yaml',
  ],
  run: [CheckpointError, 'run-missing', 'Give the folder of a run, e.g. one in runs/.'],
  results: [
    UsageError,
    'results-missing',
    'Give the folder of a finished run, or a file with what bench --json printed.',
  ],
  store: [UsageError, 'results-missing', 'Give the folder that bench was told with --store or --out.'],
  file: [DataError, 'file-unreadable', 'Give the path of a file.'],
} as const

const fileOnly: ReadonlySet<Read['is']> = new Set(['pack', 'file', 'config'])

/** Pages may be written into the folder of a run, but over none of what makes it one. */
async function resultFiles(flag: string, path: string): Promise<Input[]> {
  const names = await readdir(path).catch((): string[] => [])
  const inner = names.filter((name) => !/\.(html|md)$/i.test(name)).map((name) => join(path, name))
  return (names.length === 0 ? [path] : inner).map((file) => ({ flag, path: file }))
}

async function checkRead(flag: string, path: string, is: Read['is']): Promise<void> {
  const [Kind, code, way] = errors[is]
  const said = `${flag} ${path}`
  const found = await stat(path).catch(async (cause: NodeJS.ErrnoException) => {
    const beside = cause.code === 'ENOENT' ? await readdir(dirname(path)).catch((): string[] => []) : []
    const near = didYouMean(basename(path), beside)
    throw new Kind(code, `${said}: ${readObstacle(path, cause)}. ${way}${near}`, { cause })
  })
  if (found.isFile() && is !== 'run' && is !== 'store') return
  if (found.isFile()) throw new Kind(code, `${said}: this is a file, and a folder was expected. ${way}`)
  if (!found.isDirectory()) {
    const what = 'this is a pipe or a device, and what it gives can be read only once'
    throw new Kind(code, `${said}: ${what}. Write it to a file first, and name that.`)
  }
  if (!fileOnly.has(is)) return
  throw new Kind(code, `${said}: this is a folder, and a file was expected. ${way}`)
}
