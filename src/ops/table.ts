import type { OpDefinition } from './core/index.ts'
import { exported } from './rooms.ts'

const isDefinition = (value: unknown): value is OpDefinition =>
  typeof value === 'object' && value !== null && 'op' in value && 'shape' in value

/** Every op Holdfast knows, by name. */
export const opTable: ReadonlyMap<string, OpDefinition> = new Map(
  exported.filter(isDefinition).map((definition) => [definition.op, definition]),
)
