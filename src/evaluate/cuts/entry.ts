import { TensorCode } from '../../onnx/codes.ts'
import { type Node, plainNode as node } from '../../onnx/graph.ts'
import { itemAt, present } from '../../required.ts'
import { int64, sizeOf, type Tensor } from '../../tensor/tensor.ts'
import type { Place } from './cut.ts'

/** Nodes, and the constants that they read by name. */
export interface Piece {
  readonly nodes: readonly Node[]
  readonly constants: ReadonlyMap<string, Tensor>
}

/** Whether activations are the value of the cut as it is; else they are its values one after the other, in float32. */
export const isPlain = ({ values, types, dims }: Place): boolean =>
  values.length === 1 && types[0] === 'float32' && dims[0]?.length !== 0

/** What activations are called in the graphs that give and read them. */
export const activationsName = (cut: Place): string => {
  const name = itemAt(cut.values, 0, 'value of the cut')
  return isPlain(cut) ? name : `${name}/row`
}

const widthOf = (dims: readonly number[] | undefined): number =>
  sizeOf(present(dims, 'dims of a value of the cut'))

/** Dims of a row of activations; none where nothing is known of them. */
export const rowDimsOf = (cut: Place): readonly number[] =>
  isPlain(cut) ? (cut.dims[0] ?? []) : [cut.dims.reduce((sum, each) => sum + widthOf(each), 0)]

/** Makes the values of a cut of rows of activations: the part of each, its dims and its type. */
export function unpacked(cut: Place, input: string, opset: number): Piece {
  if (isPlain(cut)) return { nodes: [], constants: new Map() }
  const nodes: Node[] = []
  const constants = new Map<string, Tensor>()
  const ints = (name: string, values: readonly number[]) => {
    constants.set(name, int64([values.length], values))
    return name
  }
  let from = 0
  cut.values.forEach((value, at) => {
    const dims = cut.dims[at] ?? []
    const to = from + widthOf(cut.dims[at])
    const slice = `${value}/slice`
    const [starts, ends, axes] = [[from], [to], [1]]
    nodes.push(
      opset < 10
        ? node('Slice', [input], slice, { starts, ends, axes })
        : node(
            'Slice',
            [input, ints(`${slice}/from`, starts), ints(`${slice}/to`, ends), ints(`${slice}/axis`, axes)],
            slice,
          ),
    )
    const type = itemAt(cut.types, at, 'type of the cut')
    const shaped = type === 'float32' ? value : `${value}/float`
    // A 0 keeps the number of rows.
    nodes.push(node('Reshape', [slice, ints(`${slice}/dims`, [0, ...dims])], shaped))
    if (type !== 'float32') nodes.push(node('Cast', [shaped], value, { to: TensorCode[type] }))
    from = to
  })
  return { nodes, constants }
}

/** Makes rows of activations of the values of a cut, under this name. */
export function packed({ values }: Place, output: string): readonly Node[] {
  const flat = values.flatMap((value) => [
    node('Cast', [value], `${output}/float/${value}`, { to: TensorCode.float32 }),
    node('Flatten', [`${output}/float/${value}`], `${output}/flat/${value}`, { axis: 1 }),
  ])
  const parts = values.map((value) => `${output}/flat/${value}`)
  return [...flat, node('Concat', parts, output, { axis: 1 })]
}
