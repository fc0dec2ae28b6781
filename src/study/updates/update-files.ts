import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { cp, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { CheckpointError, DataError, ModelError } from '../../errors.ts'
import { companionNames, dataFilesOf, modelFolder } from '../../model/import/index-files.ts'
import { loadModelFile } from '../../onnx/files.ts'
import { foundAt, reading, readUtf8 } from '../../tensor/reads-files.ts'
import { writeWhole } from '../../tensor/whole-files.ts'
import { makeFolder, writing } from '../../tensor/writes-files.ts'
import { UPDATES, type UpdateAnswer, type UpdateJob, updateAnswerSchema } from './update-job.ts'

const RESULT = 'result.json'

/** What stands for the folder of an update's files in what it says, on whatever machine. */
export const RESULT_PLACE = 'store:result'

/**
 * The SHA-256 of a file, or of the names and contents of all files in a folder. To a model's file belong those beside it that say how it
 * is read, and that hold its weights.
 */
export async function contentOf(path: string, isModel: boolean): Promise<string> {
  const hash = createHash('sha256')
  const walk = async (at: string, name: string): Promise<void> => {
    const found = await reading(at, () => stat(at))
    if (!found.isDirectory()) {
      hash.update(`${name}\n${found.size}\n`)
      for await (const chunk of createReadStream(at)) hash.update(chunk as Uint8Array)
      return
    }
    const names = await reading(at, () => readdir(at))
    for (const each of names.sort()) await walk(join(at, each), `${name}/${each}`)
  }
  await walk(path, '')
  if (isModel && !(await stat(path)).isDirectory()) {
    for (const beside of await besideModel(path)) await walk(beside, basename(beside))
  }
  return hash.digest('hex')
}

async function besideModel(path: string): Promise<string[]> {
  const folders = [...new Set([dirname(path), modelFolder(path)])]
  const named = folders.flatMap((folder) => companionNames.map((name) => join(folder, name)))
  const data = dataFilesOf(await loadModelFile(path)).map((name) => join(dirname(path), name))
  const there = await Promise.all(
    [...data, ...named].map(async (file) => ((await foundAt(file)) ? file : '')),
  )
  return there.filter((file) => file !== '')
}

/** @throws DataError `data-other` where what an update reads is not here, or has another content. */
export async function checkReads({ reads }: UpdateJob): Promise<void> {
  for (const [key, { path, sha256 }] of Object.entries(reads)) {
    const found = (await foundAt(path)) ? await contentOf(path, key === 'model').catch(damaged) : undefined
    if (found === sha256) continue
    throw new DataError(
      'data-other',
      `${path}: ${found === undefined ? 'it is not there on this machine' : 'it has another content on this machine'} than where the update was asked for. Bring the same files to that path here, as in a shared folder, or end the worker of this machine.`,
    )
  }
}

/** What is no model here was one where the update was asked for. */
function damaged(error: unknown): string {
  if (error instanceof ModelError) return 'damaged'
  throw error
}

/** Where an update of this identity leaves its files, a folder for each flag that asks for some. */
export const resultFolder = (store: string, identity: string): string =>
  join(store, UPDATES, identity.slice(0, 32))

/** What an update of the store has answered; undefined where it is not done. */
export async function readAnswer(store: string, identity: string): Promise<UpdateAnswer | undefined> {
  const file = join(resultFolder(store, identity), RESULT)
  if (!(await foundAt(file))) return undefined
  const text = await readUtf8(file, { kind: CheckpointError, code: 'update-damaged' })
  try {
    return updateAnswerSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new CheckpointError(
      'update-damaged',
      `${file} is damaged: it is no answer of an update. Remove the folder it is in, and ask again.`,
      { cause },
    )
  }
}

/**
 * Does an update into a folder of its own, which gets its name when all is in it: of two workers that do the same one, one result
 * stays.
 *
 * @param work is told where to write, a folder for each flag; undefined where it was stopped
 */
export async function updateInStore(
  store: string,
  identity: string,
  job: UpdateJob,
  work: (place: (key: string) => string) => Promise<UpdateAnswer | undefined>,
): Promise<UpdateAnswer | undefined> {
  const before = await readAnswer(store, identity)
  if (before) return before
  const folder = resultFolder(store, identity)
  const beside = `${folder}.${randomUUID()}.partial`
  for (const key of Object.keys(job.writes)) await makeFolder(join(beside, key))
  try {
    const answer = await work((key) => join(beside, key))
    if (!answer) return undefined
    const anywhere = (text: string) => text.replaceAll(beside, RESULT_PLACE)
    const said: UpdateAnswer = {
      ...answer,
      text: anywhere(answer.text),
      json: JSON.parse(anywhere(JSON.stringify(answer.json ?? null))),
    }
    await writeWhole(join(beside, RESULT), `${JSON.stringify(said, null, 2)}\n`)
    await rename(beside, folder).catch(async (cause: unknown) => {
      if (!(await foundAt(join(folder, RESULT)))) throw cause
    })
    return await readAnswer(store, identity)
  } finally {
    await rm(beside, { recursive: true, force: true })
  }
}

/**
 * Copies what an update wrote to where it was asked for: the folder of each flag's file. What says how a model is read is left as it is
 * where it is there already, as a model in the same folder is read by it, too.
 */
export async function fromStore(
  store: string,
  identity: string,
  places: ReadonlyMap<string, string>,
): Promise<void> {
  const shared: ReadonlySet<string> = new Set(companionNames)
  for (const [key, folder] of places) {
    const source = join(resultFolder(store, identity), key)
    await makeFolder(folder)
    for (const name of await reading(source, () => readdir(source))) {
      const target = join(folder, name)
      if (shared.has(name) && (await foundAt(target))) continue
      await writing(target, () => cp(join(source, name), target, { recursive: true, force: true }))
    }
  }
}
