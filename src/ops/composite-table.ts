import type { CompositeDefinition } from './core/index.ts'
import { exported } from './rooms.ts'

const isComposite = (value: unknown): value is CompositeDefinition =>
  typeof value === 'object' && value !== null && 'domain' in value && 'expand' in value

const key = (domain: string, op: string): string => `${domain}:${op}`

/** Every op that is expanded into ops of the table, by domain and op (`com.microsoft:Gelu`; `:Attention`). */
export const compositeTable: ReadonlyMap<string, CompositeDefinition> = new Map(
  exported.filter(isComposite).map((definition) => [key(definition.domain, definition.op), definition]),
)

/** The composite of that name, if there is one. An op of the table goes before a composite of the same name. */
export const compositeOf = (domain: string, op: string): CompositeDefinition | undefined =>
  compositeTable.get(key(domain, op))
