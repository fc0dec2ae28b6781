import { constants } from 'node:fs'
import { access, readdir, realpath, stat } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { UsageError } from '../errors.ts'
import { listFolder } from './reads-files.ts'

/** A file or folder that is to be written. */
export interface Output {
  /** What asked for it, for messages: `--report`, `-o`. */
  readonly flag: string
  readonly path: string
  /** `folder`: one that files are put into; `model`: one that is written as a model's folder. Default `file`. */
  readonly kind?: 'file' | 'folder' | 'model' | undefined
  /** Of a folder: what may be in it already. Default of a folder anything, of a model an older one. */
  readonly mine?: Mine | undefined
  /** Whether no other command may be at work on it until this one ends; what says so lies beside it. Default false. */
  readonly held?: boolean | undefined
}

/** What a folder may hold that files are put into, besides nothing. */
export interface Mine {
  /** Ends the sentence "Name a new or empty folder, or …". */
  readonly what: string
  readonly is: (path: string, names: readonly string[]) => boolean | Promise<boolean>
}

/** A file or folder that is read. */
export interface Input {
  readonly flag: string
  readonly path: string
}

/**
 * Checks, before anything is computed, that outputs can be written and take the place of nothing that they should not: no output is an
 * input or a folder that holds one, no two are the same, files are not where folders are, and folders of models are new, empty, or hold a
 * model or what `mine` says.
 *
 * @throws UsageError `out-is-input`, `out-in-input`, `out-holds-input`, `out-twice`, `out-is-folder`, `out-is-file`, `out-is-device`,
 * `out-folder-taken`, `out-unwritable`.
 * @example
 * await checkOutputs([{ flag: '-o', path: 'better.onnx' }], [{ flag: 'MODEL', path: 'model.onnx' }])
 */
export async function checkOutputs(outputs: readonly Output[], inputs: readonly Input[]): Promise<void> {
  const read = await Promise.all(
    inputs.map(async (input) => ({ ...input, real: await realPlace(input.path) })),
  )
  const seen = new Map<string, string>()
  for (const output of outputs) {
    const real = await realPlace(output.path)
    const said = `${output.flag} ${output.path}`
    const twice = seen.get(real)
    if (twice !== undefined) {
      throw new UsageError(
        'out-twice',
        `${said}: ${twice} writes to the same place. Give each a path of its own.`,
      )
    }
    seen.set(real, output.flag)
    const exists = await stat(output.path).then(
      () => true,
      () => false,
    )
    for (const input of read) refuseInput(said, output, { real, exists }, input)
    await checkKind(said, output)
    await checkWritable(said, output)
  }
}

function refuseInput(
  said: string,
  { kind = 'file' }: Output,
  { real, exists }: { readonly real: string; readonly exists: boolean },
  input: Input & { readonly real: string },
): void {
  if (real === input.real) {
    throw new UsageError(
      'out-is-input',
      `${said}: that is ${input.flag}, which is read. What is written goes to a place of its own.`,
    )
  }
  if (isInside(real, input.real) && (kind === 'model' || exists)) {
    throw new UsageError(
      'out-in-input',
      `${said}: this ${kind === 'file' ? 'file' : 'folder'} belongs to ${input.flag} ${input.path}, which is read. Name a place beside it.`,
    )
  }
  if (kind === 'file' || !isInside(input.real, real)) return
  throw new UsageError(
    'out-holds-input',
    `${said}: this folder holds ${input.flag} ${input.path}, which is read. Name a new folder.`,
  )
}

async function checkKind(said: string, { path, kind = 'file', mine }: Output): Promise<void> {
  if (dirname(resolve(path)) === resolve(path)) {
    throw new UsageError(
      'out-is-folder',
      `${said}: this is the root of the file system. Name a place in a folder.`,
    )
  }
  const found = await stat(path).catch(() => undefined)
  if (kind === 'file' && /[/\\]$/.test(path) && !found?.isDirectory()) {
    throw new UsageError(
      'out-is-folder',
      `${said}: a path that ends like that is a folder, and a file is written. Name a file in it.`,
    )
  }
  if (!found) return
  // What is written takes its place by renaming, which would take a device away.
  if (!found.isDirectory() && !found.isFile()) {
    throw new UsageError(
      'out-is-device',
      `${said}: this is a device or a pipe, and a file is written. Name a file, or leave the flag out.`,
    )
  }
  if (kind === 'file') {
    if (!found.isDirectory()) return
    throw new UsageError(
      'out-is-folder',
      `${said}: this is a folder, and a file is written. Name a file in it, such as ${join(path, 'better.onnx')}.`,
    )
  }
  if (!found.isDirectory()) {
    throw new UsageError(
      'out-is-file',
      `${said}: this is a file, and a folder is written${kind === 'model' ? ', as the model came as one' : ''}. Name a folder.`,
    )
  }
  const may = mine ?? (kind === 'model' ? olderModel : undefined)
  if (may) await refuseTaken(path, said, may)
}

const olderModel: Mine = {
  what: 'one that holds an older model, whose files are then replaced',
  is: (path, names) => holdsModel(path, names),
}

/**
 * Refuses a folder that holds files and not what it may hold, a model: what is in it is somebody's.
 *
 * @throws UsageError `out-folder-taken`.
 */
export async function refuseTaken(path: string, said = path, mine: Mine = olderModel): Promise<void> {
  const names = (await listFolder(path)).sort()
  if (names.length === 0 || (await mine.is(path, names))) return
  throw new UsageError(
    'out-folder-taken',
    `${said}: this folder holds other things (${names.slice(0, 5).join(', ')}${names.length > 5 ? ', …' : ''}). Name a new or empty folder, or ${mine.what}.`,
  )
}

async function holdsModel(path: string, names: readonly string[]): Promise<boolean> {
  const isModel = (name: string) => name.endsWith('.onnx')
  if (names.some(isModel)) return true
  return (await readdir(join(path, 'onnx')).catch((): string[] => [])).some(isModel)
}

/** The nearest folder on the way that is there has to take files: that of what is replaced as a whole, or held, is the one around it. */
async function checkWritable(said: string, { path, kind = 'file', held }: Output): Promise<void> {
  if (basename(path).length > 255) {
    throw new UsageError(
      'out-unwritable',
      `${said}: the name is longer than the 255 characters that file systems take.`,
    )
  }
  const place = resolve(path)
  for (let at = kind === 'folder' && !held ? place : dirname(place); ; at = dirname(at)) {
    const found = await stat(at).catch((error: NodeJS.ErrnoException) => error)
    if (!(found instanceof Error)) {
      if (!found.isDirectory()) {
        throw new UsageError(
          'out-unwritable',
          `${said}: ${at} is a file, so nothing can be put into it. Name a ${kind === 'file' ? 'file' : 'folder'} that lies in a folder.`,
        )
      }
      await access(at, constants.W_OK | constants.X_OK).catch((cause: NodeJS.ErrnoException) => {
        const why = cause.code === 'EROFS' ? 'lies on a disk that is read only' : 'may not be written to'
        throw new UsageError('out-unwritable', `${said}: the folder ${at} ${why}. Name another place.`, {
          cause,
        })
      })
      return
    }
    if (found.code !== 'ENOENT' && found.code !== 'ENOTDIR') {
      throw new UsageError('out-unwritable', `${said}: ${at} cannot be reached (${found.code}).`, {
        cause: found,
      })
    }
    if (dirname(at) === at) return
  }
}

/** The path with all links on the way followed, as far as it is there. */
async function realPlace(path: string): Promise<string> {
  let rest = ''
  for (let at = resolve(path); ; at = dirname(at)) {
    const real = await realpath(at).catch(() => undefined)
    if (real !== undefined) return rest === '' ? real : join(real, rest)
    if (dirname(at) === at) return resolve(path)
    rest = rest === '' ? basename(at) : join(basename(at), rest)
  }
}

const isInside = (path: string, folder: string): boolean => {
  const way = relative(folder, path)
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && resolve(folder, way) === path
}
