import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CheckpointError } from '../../errors.ts'
import type { Json, MethodState } from '../../methods/method.ts'
import { withoutPrefix } from '../../tensor/prefix.ts'
import { foundAt, listFolder, readBytes } from '../../tensor/reads-files.ts'
import { readSafetensors, type Safetensors, writeSafetensors } from '../../tensor/safetensors.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { writeFirst, writeWhole } from '../../tensor/whole-files.ts'
import type { Delivery, Round, RoundEnd } from '../../train/replicas/index.ts'
import { type RoundSpec, roundKey } from './spec.ts'

// What replicas and whoever averages leave for each other in one folder. What a round begins with is named by its content, what comes
// of it by what it was made from.

type Tensors = ReadonlyMap<string, Tensor>

const ENDING = '.safetensors'
const fault = {
  kind: CheckpointError,
  code: 'exchange-missing',
  way: 'It is kept while its round goes on: the run has gone on without this, or its folder was removed.',
}

/** Tensors and facts as one file's bytes, the same for the same content. */
const encoded = (tensors: Tensors, facts: Json): Uint8Array<ArrayBuffer> =>
  writeSafetensors(new Map([...tensors].sort(([a], [b]) => (a < b ? -1 : 1))), {
    facts: JSON.stringify(facts),
  })

async function read(path: string, sha256?: string): Promise<Safetensors & { facts: Json; bytes: number }> {
  const bytes = await readBytes(path, fault)
  if (sha256 !== undefined && hashOf(bytes) !== sha256) {
    throw new CheckpointError(
      'exchange-damaged',
      `${path} is damaged: its content is not what its name says. Remove it, and go on with the same command.`,
    )
  }
  const found = readSafetensors(bytes, path)
  return { ...found, facts: JSON.parse(found.metadata.facts ?? 'null'), bytes: bytes.byteLength }
}

const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** @returns the SHA-256 that the file is named by */
async function put(folder: string, tensors: Tensors, facts: Json): Promise<string> {
  const bytes = encoded(tensors, facts)
  const sha256 = hashOf(bytes)
  const file = join(folder, `${sha256}${ENDING}`)
  if (!(await foundAt(file))) await writeWhole(file, bytes)
  return sha256
}

const at = (folder: string, name: string): string => join(folder, `${name}${ENDING}`)
const deliveryFile = (folder: string, spec: RoundSpec, replica: number): string =>
  at(folder, `${roundKey(spec)}-${replica}`)
const meanFile = (folder: string, spec: RoundSpec): string => at(folder, `${roundKey(spec)}-mean`)

/** Lays down what a round begins with. What earlier rounds left, and this one does not need, is removed. */
export async function putRound(
  folder: string,
  { place, tensors, velocity, method, samplers }: Round,
  given: Pick<RoundSpec, 'identity' | 'of' | 'step'>,
): Promise<RoundSpec> {
  const spec = {
    ...given,
    place,
    start: await put(folder, tensors, samplers),
    velocity: await put(folder, velocity, null),
    method: await put(folder, method.tensors, method.values),
  }
  const needed = new Set([spec.start, spec.velocity, spec.method].map((name) => `${name}${ENDING}`))
  const key = roundKey(spec)
  for (const name of await listFolder(folder)) {
    if (name.endsWith(ENDING) && !needed.has(name) && !name.startsWith(key)) {
      await rm(join(folder, name), { force: true })
    }
  }
  return spec
}

/** What one replica begins a round with. */
export async function readStart(
  folder: string,
  spec: RoundSpec,
): Promise<Pick<Round, 'place' | 'tensors' | 'method' | 'samplers'>> {
  const start = await read(at(folder, spec.start), spec.start)
  const method = await read(at(folder, spec.method), spec.method)
  return {
    place: spec.place,
    tensors: start.tensors,
    samplers: start.facts as Round['samplers'],
    method: { tensors: method.tensors, values: method.facts as MethodState['values'] },
  }
}

/** Which replicas have delivered. */
export async function delivered(folder: string, spec: RoundSpec): Promise<readonly boolean[]> {
  const names = new Set(await listFolder(folder, fault))
  return Array.from({ length: spec.of }, (_, replica) => names.has(`${roundKey(spec)}-${replica}${ENDING}`))
}

export async function putDelivery(
  folder: string,
  spec: RoundSpec,
  replica: number,
  { tensors, samplers, losses }: Delivery,
): Promise<void> {
  await writeWhole(deliveryFile(folder, spec, replica), encoded(tensors, { samplers, losses }))
}

/** The state that a round began with, and what each replica came to; undefined for those that have not delivered. */
export async function readDeliveries(
  folder: string,
  spec: RoundSpec,
): Promise<{
  readonly round: Pick<Round, 'place' | 'tensors' | 'velocity' | 'samplers'>
  readonly deliveries: readonly (Delivery | undefined)[]
  readonly bytes: number
}> {
  const there = await delivered(folder, spec)
  const start = await read(at(folder, spec.start), spec.start)
  const velocity = await read(at(folder, spec.velocity), spec.velocity)
  const deliveries: (Delivery | undefined)[] = []
  let bytes = 0
  for (const [replica, is] of there.entries()) {
    const found = is ? await read(deliveryFile(folder, spec, replica)) : undefined
    if (found) bytes += start.bytes + found.bytes
    deliveries.push(
      found && { ...(found.facts as unknown as Omit<Delivery, 'tensors'>), tensors: found.tensors },
    )
  }
  return {
    round: {
      ...{ place: spec.place, tensors: start.tensors, velocity: velocity.tensors },
      samplers: start.facts as Round['samplers'],
    },
    ...{ deliveries, bytes },
  }
}

/** Whether it is settled what a round came to. */
export const hasMean = async (folder: string, spec: RoundSpec): Promise<boolean> =>
  (await foundAt(meanFile(folder, spec), fault)) !== undefined

/** What a round came to is settled once: of several that average, the first is right, also where others knew of more deliveries. */
export async function putMean(folder: string, spec: RoundSpec, end: RoundEnd): Promise<void> {
  const { tensors, velocity, ...facts } = end
  const all = new Map([
    ...[...tensors].map(([name, tensor]) => [`state/${name}`, tensor] as const),
    ...[...velocity].map(([name, tensor]) => [`velocity/${name}`, tensor] as const),
  ])
  await writeFirst(meanFile(folder, spec), encoded(all, facts as unknown as Json))
}

export async function readMean(folder: string, spec: RoundSpec): Promise<RoundEnd> {
  const { tensors, facts } = await read(meanFile(folder, spec))
  return {
    ...(facts as unknown as Omit<RoundEnd, 'tensors' | 'velocity'>),
    tensors: withoutPrefix(tensors, 'state/'),
    velocity: withoutPrefix(tensors, 'velocity/'),
  }
}
