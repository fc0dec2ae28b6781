import { strFromU8, type Unzipped } from 'fflate'
import { sha256 } from '../../data/sha256.ts'
import { CheckpointError, DataError } from '../../errors.ts'
import { readSafetensors } from '../../tensor/safetensors.ts'
import type { DType, Tensor } from '../../tensor/tensor.ts'
import { unzipBounded } from '../../tensor/unpack-limit.ts'
import { packVersion } from './pack.ts'
import { FORMAT, MANIFEST, manifestSchema, membersSchema } from './pack-format.ts'

export function unzipped(bytes: Uint8Array, name: string): Unzipped {
  try {
    return unzipBounded(bytes, name, { code: 'pack-damaged' })
  } catch (cause) {
    if (cause instanceof DataError && cause.code === 'unpacks-too-large') throw cause
    throw new CheckpointError(
      'pack-damaged',
      `${name}: a retention pack, which is a zip file, was expected, but it cannot be unpacked. It is cut off, or something else; make it anew with holdfast keep.`,
      { cause },
    )
  }
}

/** Holds every member against the manifest, and gives the format's version. */
export function checked(files: Unzipped, name: string): number {
  const manifest = json(files, MANIFEST, name)
  const head = manifestSchema.safeParse(manifest)
  if (!head.success) {
    throw new CheckpointError(
      'pack-damaged',
      `${name}, ${MANIFEST}: "format": "${FORMAT}" and a version were expected. This is no retention pack.`,
    )
  }
  const { version } = head.data
  if (version > packVersion) {
    throw new CheckpointError(
      'pack-version',
      `${name} has format version ${version}, but this Holdfast reads up to ${packVersion}. Install a newer Holdfast.`,
    )
  }
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

export function json(files: Unzipped, member: string, name: string): unknown {
  const text = strFromU8(memberOf(files, member, name))
  try {
    return JSON.parse(text)
  } catch {
    throw damaged(name, member, 'it is not JSON')
  }
}

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
