import * as arithmetic from './arithmetic.ts'
import type { OpDefinition } from './define.ts'
import * as gather from './gather.ts'
import * as layout from './layout.ts'
import * as logic from './logic.ts'
import * as matmul from './matmul.ts'
import * as reduce from './reduce.ts'
import * as softmax from './softmax.ts'
import * as unary from './unary.ts'

const isDefinition = (value: unknown): value is OpDefinition =>
  typeof value === 'object' && value !== null && 'op' in value && 'shape' in value

/** Every op Holdfast knows, by name. */
export const opTable: ReadonlyMap<string, OpDefinition> = new Map(
  [arithmetic, gather, layout, logic, matmul, reduce, softmax, unary]
    .flatMap((family) => Object.values<unknown>(family))
    .filter(isDefinition)
    .map((definition) => [definition.op, definition]),
)
