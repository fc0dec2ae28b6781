import type { Unzipped } from 'fflate'
import type { FeatureSums } from '../../evaluate/sums.ts'
import { float32, type Tensor } from '../../tensor/tensor.ts'
import { damaged, tensorsIn } from '../pack-container.ts'
import { SUMS } from './pack-format.ts'

/** Sums as tensors of a pack's member: of the scatter the lower triangle, row after row, in float32. */
export function sumTensors({ counts, sums, scatter, width }: FeatureSums): Map<string, Tensor> {
  const triangle = new Float32Array((width * (width + 1)) / 2)
  for (let row = 0, at = 0; row < width; row++) {
    triangle.set(scatter.subarray(row * width, row * width + row + 1), at)
    at += row + 1
  }
  return new Map<string, Tensor>([
    ['counts', { type: 'float64', dims: [counts.length], data: counts }],
    ['sums', { type: 'float64', dims: [counts.length, width], data: sums }],
    ['scatter', float32([triangle.length], triangle)],
  ])
}

/** The sums of a pack's member. */
export function sumsIn(files: Unzipped, classes: number, name: string): FeatureSums {
  const { take } = tensorsIn(files, SUMS, name)
  const [counts, sums, { data: triangle }] = [
    take('counts', 'float64'),
    take('sums', 'float64'),
    take('scatter', 'float32'),
  ]
  const width = sums.dims[1] ?? 0
  const fits =
    counts.data.length === classes &&
    sums.dims[0] === classes &&
    triangle.length === (width * (width + 1)) / 2
  if (!fits) {
    throw damaged(
      name,
      SUMS,
      `counts of [${counts.dims.join(', ')}], sums of [${sums.dims.join(', ')}] and ${triangle.length} products do not go together with ${classes} classes`,
    )
  }
  const scatter = new Float64Array(width * width)
  for (let row = 0, at = 0; row < width; row++) {
    scatter.set(triangle.subarray(at, at + row + 1), row * width)
    at += row + 1
  }
  return { counts: counts.data, sums: sums.data, scatter, width }
}
