import { createHash } from 'node:crypto'
import { createRequire } from 'node:module'
import { dirname, isAbsolute, join, resolve } from 'node:path'
import { didYouMean, UsageError } from '../../errors.ts'
import { itemAt } from '../../required.ts'
import { listFolder, readUtf8 } from '../../tensor/reads-files.ts'
import { yamlFromText } from '../../train/plan/index.ts'
import type { Protocol } from './protocol.ts'
import { parseProtocol } from './schema.ts'

/** Those that come with Holdfast: at the package's root. */
const folder = join(dirname(createRequire(import.meta.url).resolve('holdfast/package.json')), 'protocols')

const ENDING = '.yaml'

/** A protocol's file. */
export interface ProtocolFile {
  readonly path: string
  /** As it is written, with its comments. */
  readonly text: string
  readonly protocol: Protocol
}

/**
 * A protocol by name, by name and version, or from a file of one's own. Relative paths in it count from the working folder.
 *
 * @param asked `split-mnist` (the newest version), `split-mnist@1`, or `my-protocol.yaml`
 * @throws UsageError `benchmark-unknown` with the nearest name that there is; `config-missing`, `config-syntax` and `protocol` for a file,
 * naming lines. Its plans throw `protocol-data` where data are in HOLDFAST_DATA, and that is not set.
 * @example const { protocol } = await readProtocol('split-mnist')
 */
export async function readProtocol(asked: string): Promise<ProtocolFile> {
  if (/[\\/]|\.(ya?ml|json)$/.test(asked)) return readFile(asked, asked)
  const names = await shippedNames()
  const known = [...new Set(names.map(({ name }) => name))]
  const [name = asked, version] = asked.split('@')
  const versions = names.filter((each) => each.name === name).sort((a, b) => b.version - a.version)
  const found =
    version === undefined ? versions[0] : versions.find((each) => String(each.version) === version)
  if (found) return readFile(join(folder, found.file), found.file)
  if (versions.length > 0) {
    throw new UsageError(
      'benchmark-unknown',
      `There is no version ${version} of the benchmark ${name}; there are ${versions.map((each) => each.version).join(', ')}.`,
    )
  }
  throw new UsageError(
    'benchmark-unknown',
    `There is no benchmark "${name}"; known are ${known.join(', ')}.${didYouMean(name, known)} A protocol of your own is named by its file: ./${name}.yaml`,
  )
}

/** Those that come with Holdfast, the newest version of each, by name. */
export async function shippedProtocols(): Promise<ProtocolFile[]> {
  const names = await shippedNames()
  const newest = [...new Set(names.map(({ name }) => name))].map((name) =>
    itemAt(
      names.filter((each) => each.name === name).sort((a, b) => b.version - a.version),
      0,
      'version',
    ),
  )
  return Promise.all(newest.map(({ file }) => readFile(join(folder, file), file)))
}

interface ShippedName {
  readonly file: string
  readonly name: string
  readonly version: number
}

async function shippedNames(): Promise<ShippedName[]> {
  const files = (await listFolder(folder)).filter((file) => file.endsWith(ENDING)).sort()
  return files.map((file) => {
    const [name = '', version] = file.slice(0, -ENDING.length).split('@')
    return { file, name, version: Number(version) }
  })
}

async function readFile(path: string, shown: string): Promise<ProtocolFile> {
  const text = await readUtf8(path, {
    kind: UsageError,
    code: 'config-missing',
    way: 'See which protocols there are with: holdfast bench --list',
  })
  const protocol = parseProtocol(yamlFromText(text, shown), {
    from: shown,
    hash: (settings) => createHash('sha256').update(settings).digest('hex'),
    place: placed(shown),
  })
  return { path, text, protocol }
}

/** What lies in the folder of data begins with its name. */
const DATA_FOLDER = /^HOLDFAST_DATA[\\/]/

const placed =
  (shown: string) =>
  (source: string): string => {
    if (!DATA_FOLDER.test(source)) return isAbsolute(source) ? source : resolve(source)
    const data = process.env.HOLDFAST_DATA
    if (data) return resolve(data, source.replace(DATA_FOLDER, ''))
    throw new UsageError(
      'protocol-data',
      `${shown} takes ${source}, and HOLDFAST_DATA is not set: let it name the folder that holds ${source.replace(DATA_FOLDER, '')}.`,
    )
  }
