import { compositeTable } from '../src/ops/composite-table.ts'

const definitions = [...compositeTable.values()].sort((a, b) =>
  a.op === b.op ? (a.domain < b.domain ? -1 : 1) : a.op < b.op ? -1 : 1,
)
const variants = definitions.reduce((sum, { cases }) => sum + cases.length, 0)

/** The sections of the page of ops on what is expanded, and on opsets newer than the canonical one. */
export const compositions = `## Compositions

${definitions.length} ops, ${variants} variants. A node of one of these is replayed as the standard nodes that it is made of, and has its dims, gradient and squares
from them; in a model that is written back it is still the node that it was. \`test/composites.test.ts\` goes through all variants: values
against ONNX Runtime's own kernel, in its own opset, where there is one, and gradients against difference quotients.

| Op | Operator set | Variants |
| --- | --- | ---: |
${definitions.map(({ op, domain, cases }) => `| ${op} | ${domain || 'standard'} | ${cases.length} |`).join('\n')}

## Opsets after the canonical one

What they changed, and what becomes of it. All else that they did is to let ops have more element types.

- **22**: \`AveragePool\` and \`MaxPool\` say that no window begins in the padding at the end; the runtime never let one.
- **23**: \`Attention\`, \`RMSNormalization\` and \`RotaryEmbedding\` are new: compositions. Attention with a cache of past keys and values is refused.
- **24**: \`Swish\` is new: a composition. \`Cast\` and \`CastLike\` may say how they round to 8-bit floats, which is of no account here and left out.
  \`TensorScatter\` is refused: it keeps a cache.
- **25**: \`Attention\` has windows, which are read.
- **26**: \`BitCast\` and \`CumProd\` are new, and not read.
`
