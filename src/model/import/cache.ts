import type { Graph, ValueInfo } from '../../onnx/graph.ts'

/** An input that holds keys or values of earlier calls, and the output that holds them for the next one. */
export interface CacheInput {
  readonly info: ValueInfo
  readonly present: string
}

/** How exporters call them: Optimum, transformers.js and onnxruntime-genai, and ONNX Runtime's older converter. */
const namings: readonly { readonly past: RegExp; readonly present: string }[] = [
  { past: /^past_key_values\.(\d+)\.(key|value|key_value)$/, present: 'present.$1.$2' },
  { past: /^past_(\d+)$/, present: 'present_$1' },
  { past: /^past_(key|value)_(\d+)$/, present: 'present_$1_$2' },
]

/** The inputs of a decoder's cache; each has an output beside it. */
export function cacheInputs({ inputs, outputs }: Graph): readonly CacheInput[] {
  const given = new Set(outputs.map(({ name }) => name))
  return inputs.flatMap((info): CacheInput[] => {
    const naming = namings.find(({ past }) => past.test(info.name))
    const present = naming && info.name.replace(naming.past, naming.present)
    return present !== undefined && given.has(present) ? [{ info, present }] : []
  })
}

/** The input by which Optimum's merged decoders tell the first call from those with a cache. */
export const cacheBranch = ({ inputs }: Graph): ValueInfo | undefined =>
  inputs.find(({ name, type }) => name === 'use_cache_branch' && type === 'bool')
