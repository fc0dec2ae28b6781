import { itemAt } from '../../required.ts'
import { sizeOf, type Tensor, toNumbers } from '../../tensor/tensor.ts'
import { type CompositeCase, defineComposite, fromNumbers, refusal, required } from '../core/index.ts'

/** The slices along an axis, each as its numbers in row-major order. */
function slicesOf(x: Tensor, axis: number): number[][] {
  const values = toNumbers(x)
  const inner = sizeOf(x.dims.slice(axis + 1))
  const count = x.dims[axis] ?? 1
  const slices = Array.from({ length: count }, (): number[] => [])
  values.forEach((value, at) => {
    slices[Math.floor(at / inner) % count]?.push(value)
  })
  return slices
}

/** Undoes {@link slicesOf}: row-major numbers of a tensor with these slices along its axis of size `slices.length`. */
function joinSlices(slices: readonly (readonly number[])[], dims: readonly number[], axis: number): number[] {
  const inner = sizeOf(dims.slice(axis + 1))
  const outer = sizeOf(dims.slice(0, axis))
  return Array.from({ length: outer }, (_, block) => block * inner).flatMap((start) =>
    slices.flatMap((slice) => slice.slice(start, start + inner)),
  )
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, index) => value !== b[index])
  return at < 0 ? 0 : (a[at] ?? 0) - (b[at] ?? 0)
}

/** The distinct elements, or slices along an axis, of a known tensor: how many there are decides the output's dims. */
export const Unique = defineComposite('', 'Unique', {
  expand: (context) => {
    const { emit, attributes, outputs } = context
    const x = required(context, 0).constant
    if (!x) throw refusal(context, 'its input is computed at run time, so its output has no fixed dims.')
    const asked = attributes.optionalInt('axis')
    const flat: Tensor = asked === undefined ? { ...x, dims: [sizeOf(x.dims)] } : x
    const axis = ((asked ?? 0) + flat.dims.length) % flat.dims.length
    const slices = slicesOf(flat, axis)
    const keys = slices.map((slice) => slice.join())
    const firsts = slices.flatMap((_, at) => (keys.indexOf(itemAt(keys, at, 'slice')) === at ? [at] : []))
    if (attributes.int('sorted', 1) !== 0)
      firsts.sort((a, b) => compare(itemAt(slices, a, 'slice'), itemAt(slices, b, 'slice')) || a - b)
    const order = firsts.map((at) => itemAt(keys, at, 'slice'))
    const inverse = keys.map((key) => order.indexOf(key))
    const counts = order.map((key) => keys.filter((other) => other === key).length)
    const distinct = firsts.map((at) => itemAt(slices, at, 'slice'))
    const dims = flat.dims.with(axis, firsts.length)
    const list = (values: readonly number[]) => fromNumbers('int64', [values.length], values)
    const all = [
      fromNumbers(x.type, dims, joinSlices(distinct, flat.dims, axis)),
      list(firsts),
      list(inverse),
      list(counts),
    ]
    return all.slice(0, outputs).map((tensor) => emit.constant(tensor))
  },
  cases: [{ sorted: 1 }, { sorted: 0 }].flatMap((sorted): CompositeCase[] => {
    const name = (text: string) => (sorted.sorted ? text : `${text}, in order`)
    const values = [2, 1, 1, 3, 4, 3]
    const rows = [2, 3, 4, 1, 0, 0, 1, 0, 0, 1, 0, 1]
    const known = (dims: readonly number[], of: readonly number[]) => ({ dims, values: of, constant: true })
    return [
      { name: name('elements'), inputs: [known([6], values)], attributes: sorted, outputs: 4 },
      { name: name('of a matrix'), inputs: [known([2, 3], values)], attributes: sorted, outputs: 4 },
      { name: name('rows'), inputs: [known([4, 3], rows)], attributes: { axis: 0, ...sorted }, outputs: 4 },
      {
        name: name('columns'),
        inputs: [known([2, 6], rows)],
        attributes: { axis: -1, ...sorted },
        outputs: 4,
      },
      {
        name: name('middle axis'),
        inputs: [known([2, 3, 2], rows)],
        attributes: { axis: 1, ...sorted },
        outputs: 4,
      },
      {
        name: name('integers'),
        inputs: [{ dims: [6], type: 'int64', values }],
        attributes: sorted,
        outputs: 4,
      },
    ]
  }),
})
