import fc from 'fast-check'
import { expect, test } from 'vitest'
import { float32, int64, type Tensor } from '../tensor/tensor.ts'
import { concatenateRows, copyRows, takeRows } from './rows.ts'

const bytes = (dims: number[], data: number[]): Tensor<'uint8'> => ({
  type: 'uint8',
  dims,
  data: Uint8Array.from(data),
})

test('takes rows of any width and type, in any order, with repeats', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('uint8', 'float32', 'int64', 'string'),
      fc.integer({ min: 1, max: 9 }),
      fc.integer({ min: 1, max: 70 }),
      fc.array(fc.nat(8), { maxLength: 20 }),
      (type, rows, width, wanted) => {
        const numbers = Array.from({ length: rows * width }, (_, i) => i % 251)
        const tensor: Tensor =
          type === 'uint8'
            ? bytes([rows, width], numbers)
            : type === 'float32'
              ? float32([rows, width], numbers)
              : type === 'int64'
                ? int64([rows, width], numbers)
                : { type: 'string', dims: [rows, width], data: numbers.map(String) }
        const indices = Int32Array.from(wanted, (row) => row % rows)
        const taken = takeRows(tensor, indices)
        expect(taken.dims).toEqual([indices.length, width])
        expect(Array.from(taken.data as ArrayLike<unknown>, Number)).toEqual(
          Array.from(indices).flatMap((row) => numbers.slice(row * width, (row + 1) * width)),
        )
      },
    ),
  )
})

test('what was taken shares no memory with the source, also when the source is a view into a larger buffer', () => {
  const buffer = Float32Array.of(9, 1, 2, 3, 4, 9)
  const source = float32([2, 2], buffer.subarray(1, 5))
  const taken = takeRows(source, Int32Array.of(1, 0))
  buffer.fill(0)
  expect(Array.from(taken.data)).toEqual([3, 4, 1, 2])
})

test('copies into the middle of a buffer and leaves the rest alone', () => {
  const target = bytes([4, 3], Array(12).fill(7))
  copyRows(bytes([2, 3], [1, 2, 3, 4, 5, 6]), Int32Array.of(1, 0), target, 1)
  expect(Array.from(target.data)).toEqual([7, 7, 7, 4, 5, 6, 1, 2, 3, 7, 7, 7])
})

test('refuses rows that are not there, buffers that are too small, and rows of another kind', () => {
  const source = bytes([2, 3], [1, 2, 3, 4, 5, 6])
  expect(() => takeRows(source, Int32Array.of(0, 2))).toThrow(
    'Index 1 asks for row 2, but of rows there are 2',
  )
  expect(() => takeRows(source, Int32Array.of(-1))).toThrow('row -1')
  expect(() => copyRows(source, Int32Array.of(0, 1), bytes([2, 3], Array(6).fill(0)), 1)).toThrow(
    'there is no room for 2 rows, as there are 2.',
  )
  expect(() => copyRows(source, Int32Array.of(0), bytes([1, 2], [0, 0]), 0)).toThrow('uint8 [2, 3]')
  expect(() => concatenateRows([source, bytes([1, 2], [0, 0])])).toThrow('Part 1 is uint8 [1, 2]')
  expect(() => takeRows({ type: 'int4', dims: [2, 1], data: Uint8Array.of(1) }, Int32Array.of(0))).toThrow(
    'int8 or wider',
  )
})
