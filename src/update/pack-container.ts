import { strFromU8, strToU8, type Unzipped, type Zippable, zipSync } from 'fflate'
import { z } from 'zod'
import { problemsOf } from '../data/schema-problems.ts'
import { sha256 } from '../data/sha256.ts'
import { CheckpointError, DataError, HoldfastError, UsageError } from '../errors.ts'
import { readSafetensors } from '../tensor/safetensors.ts'
import type { DType, Tensor } from '../tensor/tensor.ts'
import { unzipBounded } from '../tensor/unpack-limit.ts'

const FORMAT = 'holdfast-pack'
const MANIFEST = 'manifest.json'
/** What a pack says of itself in JSON. */
const FACTS = 'pack.json'
/** Zip files know nothing before 1980; a fixed date lets equal packs have equal bytes. */
const MTIME = new Date(1980, 0, 1)

/** What packs hold: rows for a classifier, or texts for a language model. */
const holds = z.enum(['rows', 'texts'])
export type PackHolds = z.infer<typeof holds>

/** A kind of pack: what it holds, and the version of its format that is written; older ones are read. */
export interface PackKind {
  readonly holds: PackHolds
  readonly version: number
}

const manifestSchema = z.looseObject({
  format: z.literal(FORMAT),
  version: z.int().min(1),
  /** Packs of rows do not say it: there were no others. */
  holds: z.string().default('rows' satisfies PackHolds),
})
const membersSchema = z.object({ members: z.record(z.string(), z.string().regex(/^[0-9a-f]{64}$/)) })

/**
 * The bytes of a pack's file: a zip of JSON and safetensors, with the SHA-256 of each in a manifest. Equal members give equal bytes.
 *
 * @param facts What the pack says of itself in JSON.
 */
export function sealed(
  kind: PackKind,
  facts: object,
  tensors: ReadonlyMap<string, Uint8Array>,
): Uint8Array<ArrayBuffer> {
  const members = { [FACTS]: strToU8(JSON.stringify(facts, null, 2)), ...Object.fromEntries(tensors) }
  const checksums = Object.fromEntries(
    Object.entries(members).map(([name, bytes]) => [name, sha256().update(bytes).hex()]),
  )
  const said = kind.holds === 'rows' ? {} : { holds: kind.holds }
  const manifest = { format: FORMAT, version: kind.version, ...said, members: checksums }
  const files: Zippable = { [MANIFEST]: strToU8(JSON.stringify(manifest, null, 2)), ...members }
  return zipSync(files, { mtime: MTIME }) as Uint8Array<ArrayBuffer>
}

/**
 * Opens a pack's file, each part of it held against its checksum.
 *
 * @param name What messages call the file.
 * @param read Makes the pack of what is in it.
 * @throws CheckpointError `pack-damaged` naming the part that is missing or changed; `pack-version` for a file of a newer format;
 * UsageError `pack-kind` where it holds something else.
 */
export function opened<T>(
  bytes: Uint8Array,
  kind: PackKind,
  name: string,
  read: (files: Unzipped, version: number) => T,
): T {
  const files = unzipped(bytes, name)
  const version = checked(files, kind, name)
  try {
    return read(files, version)
  } catch (cause) {
    if (cause instanceof CheckpointError) throw cause
    const reason = cause instanceof HoldfastError ? cause.message : String(cause)
    throw new CheckpointError('pack-damaged', `${name}: ${reason}`, { cause })
  }
}

/**
 * What the pack of a file's bytes holds.
 *
 * @throws CheckpointError `pack-damaged`; `pack-version` where this Holdfast does not know of such packs.
 */
export function packHolds(bytes: Uint8Array, name: string): PackHolds {
  const { version, holds: said } = head(
    json(
      unzipped(bytes, name, (member) => member === MANIFEST),
      MANIFEST,
      name,
    ),
    name,
  )
  const known = holds.safeParse(said)
  if (known.success) return known.data
  throw newer(name, version, 'packs of rows and of texts')
}

function unzipped(bytes: Uint8Array, name: string, wanted?: (member: string) => boolean): Unzipped {
  try {
    return unzipBounded(bytes, name, { code: 'pack-damaged', wanted })
  } catch (cause) {
    if (cause instanceof DataError && cause.code === 'unpacks-too-large') throw cause
    throw new CheckpointError(
      'pack-damaged',
      `${name}: a retention pack, which is a zip file, was expected, but it cannot be unpacked. It is cut off, or something else; make it anew with holdfast keep.`,
      { cause },
    )
  }
}

function head(manifest: unknown, name: string) {
  const found = manifestSchema.safeParse(manifest)
  if (found.success) return found.data
  throw new CheckpointError(
    'pack-damaged',
    `${name}, ${MANIFEST}: "format": "${FORMAT}" and a version were expected. This is no retention pack.`,
  )
}

const newer = (name: string, version: number, reads: string): CheckpointError =>
  new CheckpointError(
    'pack-version',
    `${name} has format version ${version}, but this Holdfast reads ${reads}. Install a newer Holdfast.`,
  )

/** Holds every member against the manifest, and gives the format's version. */
function checked(files: Unzipped, kind: PackKind, name: string): number {
  const manifest = json(files, MANIFEST, name)
  const { version, holds: said } = head(manifest, name)
  const other = holds.safeParse(said).data
  if (other !== undefined && other !== kind.holds) throw otherKind(name, kind.holds)
  if (version > kind.version || other === undefined) throw newer(name, version, `up to ${kind.version}`)
  const listed = membersSchema.safeParse(manifest)
  if (!listed.success) throw damaged(name, MANIFEST, 'it has no list of members with their SHA-256')
  const sums = listed.data.members
  for (const [member, sum] of Object.entries(sums)) {
    const found = sha256()
      .update(memberOf(files, member, name))
      .hex()
    if (found !== sum) throw damaged(name, member, `its SHA-256 is ${found}, but ${sum} was written`)
  }
  const stray = Object.keys(files).find((member) => member !== MANIFEST && !(member in sums))
  if (stray !== undefined) throw damaged(name, stray, 'the manifest does not know of it')
  return version
}

const otherKind = (name: string, wanted: PackHolds): UsageError =>
  new UsageError(
    'pack-kind',
    wanted === 'rows'
      ? `${name}: the pack holds texts of a language model, and one with rows of a classifier was expected. Give the pack of this model, or the model of this pack.`
      : `${name}: the pack holds rows of a classifier, and one with texts of a language model was expected. Give the pack of this model, or the model of this pack.`,
  )

export const damaged = (name: string, member: string, reason: string): CheckpointError =>
  new CheckpointError(
    'pack-damaged',
    `${name}, ${member}: ${reason}${/[.?]$/.test(reason) ? '' : '.'} The file is damaged; take a copy of it, or make it anew with holdfast keep.`,
  )

function memberOf(files: Unzipped, member: string, name: string): Uint8Array {
  const found = files[member]
  if (found) return found
  throw damaged(name, member, 'it is missing')
}

function json(files: Unzipped, member: string, name: string): unknown {
  const text = strFromU8(memberOf(files, member, name))
  try {
    return JSON.parse(text)
  } catch {
    throw damaged(name, member, 'it is not JSON')
  }
}

/**
 * What a pack says of itself.
 *
 * @throws CheckpointError `pack-damaged` naming what does not belong.
 */
export function factsIn<T extends z.ZodType>(files: Unzipped, schema: T, name: string): z.output<T> {
  const said = json(files, FACTS, name)
  const parsed = schema.safeParse(said)
  if (parsed.success) return parsed.data
  throw damagedFacts(name, problemsOf(schema, said, parsed.error.issues).join(' '))
}

export const damagedFacts = (name: string, reason: string): CheckpointError => damaged(name, FACTS, reason)

export interface Take {
  (key: string): Tensor
  <T extends DType>(key: string, type: T): Tensor<T>
}

/** Tensors of a member, asked for by name and type. */
export function tensorsIn(files: Unzipped, member: string, name: string) {
  const { tensors } = readSafetensors(memberOf(files, member, name), `${name}, ${member}`)
  const take = (key: string, type?: DType): Tensor => {
    const found = tensors.get(key)
    if (!found) throw damaged(name, member, `there is no tensor "${key}"`)
    if (type === undefined || found.type === type) return found
    throw damaged(name, member, `tensor "${key}" is ${found.type}, but ${type} was expected`)
  }
  return { keys: [...tensors.keys()], take: take as Take }
}
