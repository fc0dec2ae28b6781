// Writes docs/ops.md from the table of ops: node scripts/run.mjs scripts/ops-table.ts
import { writeFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { CANONICAL_OPSET, type OpDefinition } from '../src/ops/core/define.ts'
import { opTable } from '../src/ops/table.ts'
import { emittedOps } from '../src/ops/vocabulary.ts'
import { exceptions, lackingInRuntime } from '../test/op-variants.ts'
import { compositions } from './ops-compositions.ts'

/** Where the page lies, from the repository's root. */
export const OPS_PAGE = 'docs/ops.md'

const definitions = [...opTable.values()].sort((a, b) => (a.op < b.op ? -1 : 1))
const count = (has: (definition: OpDefinition) => unknown): number => definitions.filter(has).length
const yes = (value: unknown): string => (value ? 'yes' : '')

const rows = definitions.map((definition) => [
  definition.op,
  definition.gradient ? 'yes' : 'no',
  definition.squares ? 'closed form' : definition.rearranges ? 'passed through' : '',
  yes(definition.fold),
  yes(definition.upgrade),
  yes(emittedOps.has(definition.op)),
  String(definition.cases.length),
])

const cases = definitions.reduce((sum, definition) => sum + definition.cases.length, 0)

/** The whole page. */
export const opsPage = `# Supported ops

This page is generated from the table in \`src/ops\`; do not edit it. To write it anew:

    node scripts/run.mjs scripts/ops-table.ts

**${definitions.length} ops, ${cases} variants.**

The ops are those of the standard ONNX operator set (and \`DynamicQuantizeMatMul\`, what quantize_dynamic writes for a product), in the form that they have in opset ${CANONICAL_OPSET}: ${count(({ gradient }) => gradient)} with a gradient, ${count(({ squares }) => squares)} with a
closed form for per-sample squares, ${count(({ fold }) => fold)} that are folded while a graph is built. In a model, \`Dropout\` becomes a mask that
is a function of a seed and a counter in training, and nothing at inference.

- **Gradient**: \`no\` means that a gradient cannot pass. This is an error, with the node's name, only where one has to.
- **Squares**: how the sum over samples of the squared per-sample gradient (the Fisher diagonal) is found for a parameter that meets the
  activations in this op. \`closed form\`: in one pass over the batch, for the forms that the op's own test cases mark as parameters.
  \`passed through\`: the op only moves elements, so the squares of what it gives are moved back. Empty: one sample at a time, which is
  slower and just as right.
- **Folds**: computed while the graph is built where the inputs are known, as shape arithmetic is.
- **Upgrade**: nodes of older opsets are brought into today's form. Ops without one have not changed in a way that matters here, or are
  read in today's form only.
- **Emitted**: Holdfast itself may use the op in gradients, losses, penalties and optimisers. Others are there because models contain them.
- **Variants**: no two alike in dims, types, attributes and opset. The generic test (\`test/ops.test.ts\`) goes through all of them: shape
  against ONNX Runtime, gradient against difference quotients, squares against batches of one, emitted nodes against the list of those that
  may be, nodes of older opsets against what ONNX Runtime computes for them in their own opset. \`test/op-variants.test.ts\` compares them
  with ONNX's own list of operators: every attribute, choice, optional input and older form is among them but for what is
  [left out](#left-out).

| Op | Gradient | Squares | Folds | Upgrade | Emitted | Variants |
| --- | --- | --- | --- | --- | --- | ---: |
${rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n')}

${compositions}
## Left out

By op, the opset that its form came with, and what of it no variant has:

${Object.entries(exceptions)
  .map(([what, reason]) => `- \`${what}\`: ${reason}`)
  .join('\n')}

Of what ONNX allows, ONNX Runtime 1.30 refuses these on the CPU (or does them wrong, so that Holdfast refuses them):

${[...new Set(lackingInRuntime.map(({ item }) => item.name))]
  .map((name) => {
    const ops = lackingInRuntime.filter(({ item }) => item.name === name).map(({ op }) => op)
    return `- ${ops.join(', ')}: ${name}`
  })
  .join('\n')}
`

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  writeFileSync(OPS_PAGE, opsPage)
  console.log(`${OPS_PAGE}: ${definitions.length} ops, ${cases} variants`)
}
