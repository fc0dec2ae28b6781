import type { CaseInput, OpCase } from '../core/index.ts'

/**
 * A grid whose points lie, in steps of an axis of `sizes`, a third or two from an element: a difference's step leads over
 * no kink. Some lie beyond the border.
 */
function grid(
  batch: number,
  out: readonly number[],
  sizes: readonly number[],
  aligned: boolean,
  nearest: boolean,
): CaseInput {
  const points = batch * out.reduce((a, b) => a * b, 1)
  const values = Array.from({ length: points * sizes.length }, (_, at) => {
    const size = sizes[sizes.length - 1 - (at % sizes.length)] ?? 1
    const step = ((at * 7 + Math.floor(at / 3)) % (size + 2)) - 1
    const place = step + (nearest ? 0.2 : at % 4 === 0 ? 0.65 : 0.35)
    return aligned ? (2 * place) / (size - 1) - 1 : (2 * place + 1) / size - 1
  })
  return { dims: [batch, ...out, sizes.length], values }
}

function sampled(
  mode: string,
  padding: string,
  aligned: boolean,
  sizes: readonly number[],
  opset?: number,
): OpCase {
  const out = sizes.length === 2 ? [2, 3] : [2, 1, 3]
  return {
    name: `${mode}, ${padding}${aligned ? ', align_corners' : ''}, ${sizes.length} axes${opset ? `, opset ${opset}` : ''}`,
    inputs: [{ dims: [2, 2, ...sizes] }, grid(2, out, sizes, aligned, mode === 'nearest')],
    attributes: { mode, padding_mode: padding, align_corners: aligned ? 1 : 0 },
    ...(opset ? { opset } : {}),
  }
}

export function gridSampleCases(): OpCase[] {
  const forms = ['zeros', 'border', 'reflection'].flatMap((padding) =>
    [false, true].map((aligned) => ({ padding, aligned })),
  )
  const image = [4, 5]
  return [
    ...['nearest', 'linear', 'cubic'].flatMap((mode) =>
      forms.map(({ padding, aligned }) => sampled(mode, padding, aligned, image)),
    ),
    ...['nearest', 'linear'].flatMap((mode) =>
      forms.map(({ padding, aligned }) => sampled(mode, padding, aligned, [3, 2, 4])),
    ),
    ...['bilinear', 'bicubic', 'nearest'].map((mode) => sampled(mode, 'zeros', false, image, 16)),
    { name: 'defaults', inputs: [{ dims: [1, 2, ...image] }, grid(1, [3, 2], image, false, false)] },
    {
      name: 'float64',
      inputs: [
        { dims: [1, 2, ...image], type: 'float64' },
        { ...grid(1, [3, 2], image, false, false), type: 'float64' },
      ],
    },
  ]
}
