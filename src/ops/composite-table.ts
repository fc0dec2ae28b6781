import type { CompositeDefinition } from './composite.ts'
import * as attention from './contrib/attention.ts'
import * as fusedMatmul from './contrib/fused-matmul.ts'
import * as gelu from './contrib/gelu.ts'
import * as groupQueryAttention from './contrib/group-query-attention.ts'
import * as layerNorms from './contrib/layer-norms.ts'
import * as multiHeadAttention from './contrib/multi-head-attention.ts'
import * as nBits from './contrib/n-bits.ts'
import * as rotary from './contrib/rotary.ts'
import * as trilu from './contrib/trilu.ts'
import * as dequantizeLinear from './dequantize-linear.ts'
import * as standard from './standard-composites.ts'

const isComposite = (value: unknown): value is CompositeDefinition =>
  typeof value === 'object' && value !== null && 'domain' in value && 'expand' in value

const key = (domain: string, op: string): string => `${domain}:${op}`

/** Every op that is expanded into ops of the table, by domain and op (`com.microsoft:Gelu`; `:Attention`). */
export const compositeTable: ReadonlyMap<string, CompositeDefinition> = new Map(
  [
    attention,
    dequantizeLinear,
    fusedMatmul,
    gelu,
    groupQueryAttention,
    layerNorms,
    multiHeadAttention,
    nBits,
    rotary,
    trilu,
    standard,
  ]
    .flatMap((family) => Object.values<unknown>(family))
    .filter(isComposite)
    .map((definition) => [key(definition.domain, definition.op), definition]),
)

/** The composite of that name, if there is one. An op of the table goes before a composite of the same name. */
export const compositeOf = (domain: string, op: string): CompositeDefinition | undefined =>
  compositeTable.get(key(domain, op))
