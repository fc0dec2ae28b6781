import type { DType } from '../tensor/tensor.ts'

/** TensorProto.DataType of the specification: the number that stands for each element type. */
export const TensorCode = {
  float32: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  float64: 11,
  uint32: 12,
  uint64: 13,
  complex64: 14,
  complex128: 15,
  bfloat16: 16,
  float8e4m3fn: 17,
  float8e4m3fnuz: 18,
  float8e5m2: 19,
  float8e5m2fnuz: 20,
  uint4: 21,
  int4: 22,
  float4e2m1: 23,
  float8e8m0: 24,
  uint2: 25,
  int2: 26,
} as const satisfies Record<DType, number>

const byCode = new Map<number, DType>(Object.entries(TensorCode).map(([type, code]) => [code, type as DType]))

/** The element type of a number of TensorProto.DataType; undefined for 0 and for numbers of a later specification. */
export function dtypeOfCode(code: number): DType | undefined {
  return byCode.get(code)
}

/** AttributeProto.AttributeType of the specification. */
export const AttributeCode = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
  tensors: 9,
  graphs: 10,
  sparseTensor: 11,
  sparseTensors: 12,
  typeProto: 13,
  typeProtos: 14,
} as const

/** TensorProto.DataLocation of the specification. */
export const DataLocation = { inside: 0, external: 1 } as const
