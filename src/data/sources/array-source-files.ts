import { extname } from 'node:path'
import { readNpz } from '../../tensor/npy.ts'
import { readBytes } from '../../tensor/reads-files.ts'
import { readSafetensors } from '../../tensor/safetensors.ts'
import type { Tensor } from '../../tensor/tensor.ts'
import { partsOfArrays } from '../formats/index.ts'
import { unpackedLimit } from '../formats/index-files.ts'
import type { RawPart } from '../parts.ts'
import { rowCount, takeRows } from '../rows.ts'
import type { Source, SourceOptions, Sources } from './source.ts'

export const arrayExtensions = ['.npz', '.safetensors']

export async function readArrays(path: string, { maxBytes }: SourceOptions): Promise<Map<string, Tensor>> {
  const bytes = await readBytes(path)
  if (extname(path).toLowerCase() === '.npz')
    return readNpz(bytes, path, { maxBytes: maxBytes ?? unpackedLimit() })
  return new Map(readSafetensors(bytes, path).tensors)
}

export function arraySources(
  arrays: ReadonlyMap<string, Tensor>,
  path: string,
  options: SourceOptions,
): Sources {
  const parts = partsOfArrays(arrays, path, options)
  return new Map([...parts].map(([part, raw]) => [part, tensorSource(raw)]))
}

/** Rows that are in memory already. */
export function tensorSource({ inputs, labels }: RawPart): Source {
  return {
    async *parts(rows) {
      if (!('data' in inputs)) return
      const count = rowCount(inputs)
      for (let start = 0; start < count; start += rows) {
        const end = Math.min(start + rows, count)
        const indices = Int32Array.from({ length: end - start }, (_, row) => start + row)
        const part = 'kind' in labels && labels.kind === 'classification'
        yield {
          inputs: takeRows(inputs, indices),
          labels: part
            ? {
                ...labels,
                values: labels.values.slice(start, end),
                locate: (row) => labels.locate(start + row),
              }
            : 'data' in labels
              ? takeRows(labels, indices)
              : labels,
        }
      }
    },
  }
}
