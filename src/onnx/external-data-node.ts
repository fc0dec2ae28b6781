import { closeSync, openSync, realpathSync, statSync } from 'node:fs'
import { dirname, isAbsolute, join, relative, sep, win32 } from 'node:path'
import { ModelError } from '../errors.ts'
import { byteLengthOf } from '../tensor/bytes.ts'
import { readObstacle } from '../tensor/reads-files.ts'
import { readAt } from '../tensor/whole-files.ts'
import type { TensorProto } from './onnx_pb.ts'
import { nameOf } from './proto-names.ts'
import { dtypeOf, type ExternalData } from './tensor-proto.ts'

/**
 * A reader of tensors that lie in files beside a model. Each call reads that tensor's bytes and nothing else, so that
 * a model larger than memory can be gone through tensor by tensor. Files outside of the model's folder are refused,
 * since a model may come from anybody.
 *
 * The reader throws ModelError `external-data-location` (no file named), `external-data-absolute`,
 * `external-data-unreadable`, `external-data-outside` (`..` in the path), `external-data-symlink` (a link that leaves the folder),
 * `external-data-not-found`, `external-data-not-file` (a folder, a pipe or a device), `external-data-range` (offset or length
 * are no numbers), `external-data-truncated`, `external-data-repeated`.
 */
export function externalDataBeside(modelPath: string): ExternalData {
  const checkTotal = totalChecker(modelPath)
  return (tensor) => {
    const { location, offset, length } = placeOf(tensor, modelPath)
    const path = pathWithin(modelPath, location, tensor)
    const { size } = statSync(path)
    checkTotal(path, length, size, tensor)
    const file = opened(path, tensor, modelPath)
    try {
      if (offset + length > size) {
        throw new ModelError(
          'external-data-truncated',
          `${about(modelPath, tensor)} takes bytes ${offset} to ${offset + length} of ${location}, but that file ends at ${size}. Fetch it again.`,
        )
      }
      const bytes = new Uint8Array(length)
      readAt(file, bytes, offset)
      return bytes
    } finally {
      closeSync(file)
    }
  }
}

function opened(path: string, tensor: TensorProto, modelPath: string): number {
  try {
    return openSync(path, 'r')
  } catch (cause) {
    throw new ModelError(
      'external-data-unreadable',
      `${about(modelPath, tensor)} lies in ${path}, and ${readObstacle(path, cause)}.`,
      { cause },
    )
  }
}

/** How often the bytes of one data file may be read for tensors of different names: tied weights share theirs. */
const MOST_READINGS = 16

/**
 * Small files that name one large region for a thousand tensors would fill any memory.
 *
 * @throws ModelError `external-data-repeated`
 */
function totalChecker(modelPath: string) {
  const read = new Map<string, { readonly names: Set<string>; total: number }>()
  return (path: string, length: number, size: number, tensor: TensorProto): void => {
    const { name = '' } = tensor
    const file = read.get(path) ?? { names: new Set<string>(), total: 0 }
    read.set(path, file)
    if (!file.names.has(name)) file.total += length
    file.names.add(name)
    const { names, total } = file
    if (total <= MOST_READINGS * size || names.size <= MOST_READINGS) return
    throw new ModelError(
      'external-data-repeated',
      `${about(modelPath, tensor)} and ${names.size - 1} others take ${total} bytes from a file of ${size}: they lie over each other. The model is damaged; export it again.`,
    )
  }
}

function about(modelPath: string, tensor: TensorProto): string {
  return `${modelPath}: tensor ${JSON.stringify(nameOf(tensor))}`
}

export function placeOf(
  tensor: TensorProto,
  modelPath: string,
): { location: string; offset: number; length: number } {
  const where = about(modelPath, tensor)
  const entries = new Map(tensor.externalData.map(({ key = '', value = '' }) => [key, value]))
  const location = entries.get('location')
  if (!location) {
    throw new ModelError(
      'external-data-location',
      `${where} lies in another file, but the model does not say in which.`,
    )
  }
  const number = (key: string, fallback: number): number => {
    const text = entries.get(key)
    if (text === undefined) return fallback
    const value = Number(text)
    if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) {
      throw new ModelError(
        'external-data-range',
        `${where} has the ${key} ${JSON.stringify(text)}, but a number of bytes was expected.`,
      )
    }
    return value
  }
  const type = dtypeOf(tensor.dataType, where)
  if (type === 'string')
    throw new ModelError('tensor-type', `${where} holds strings, which ONNX does not keep in other files.`)
  return {
    location,
    offset: number('offset', 0),
    length: number('length', byteLengthOf(type, tensor.dims.map(Number))),
  }
}

function pathWithin(modelPath: string, location: string, tensor: TensorProto): string {
  const where = `${about(modelPath, tensor)} lies in ${JSON.stringify(location)}`
  if (isAbsolute(location) || win32.isAbsolute(location) || /^[a-z]:/i.test(location)) {
    throw new ModelError(
      'external-data-absolute',
      `${where}, an absolute path. Only files in the model's own folder are read.`,
    )
  }
  if (location.split(/[/\\]/).includes('..')) {
    throw new ModelError(
      'external-data-outside',
      `${where}, which leaves the model's folder. Only files in it are read: put the data beside the model, and save it with that location.`,
    )
  }
  const folder = realpathSync(dirname(modelPath))
  let path: string
  try {
    path = realpathSync(join(folder, location))
  } catch (cause) {
    throw new ModelError(
      'external-data-not-found',
      `${where}, but ${readObstacle(join(folder, location), cause)} (looked for in ${folder}). Fetch it and put it beside the model.`,
      { cause },
    )
  }
  if (!statSync(path).isFile()) {
    throw new ModelError(
      'external-data-not-file',
      `${where}, which is no file but a folder, a pipe or a device. Put the data beside the model as a file.`,
    )
  }
  const way = relative(folder, path)
  if (way === '..' || way.startsWith(`..${sep}`) || isAbsolute(way)) {
    throw new ModelError(
      'external-data-symlink',
      `${where}, a link to ${path}, outside of the model's folder. Put the file itself beside the model.`,
    )
  }
  return path
}
