// Holds ONNX Runtime's WebGPU provider against its CPU provider, an op's case at a time: what comes out, and the gradients of it.
//   node scripts/run.mjs scripts/webgpu-cases.ts [--only Conv,MaxPool]
// Without a GPU: VK_DRIVER_FILES=/usr/lib/chromium/vk_swiftshader_icd.json XDG_RUNTIME_DIR=/tmp (Debian's chromium).
// Prints a line for each op of which a case is refused or wrong, and how many are right in all; ends with 1 where one was wrong.
import { parseArgs } from 'node:util'
import { ortNode } from '../src/engine/ort-node.ts'
import { opTable } from '../src/ops/table.ts'
import { comparable, comparedCase } from '../test/webgpu-cases.ts'

const { values } = parseArgs({ options: { only: { type: 'string' } } })
const only = values.only?.split(',')
const engines = [ortNode({ threads: 1 }), ortNode({ threads: 1, device: 'webgpu' })] as const

const counts = { right: 0, refused: 0, wrong: 0 }
for (const definition of opTable.values()) {
  if (only && !only.includes(definition.op)) continue
  const told = new Map<string, number>()
  for (const item of comparable(definition)) {
    const said = await comparedCase(engines, definition, item)
    counts[said.kind]++
    if (said.kind === 'right') continue
    const why = said.why.slice(0, 240)
    told.set(why, (told.get(why) ?? 0) + 1)
  }
  for (const [why, count] of told)
    console.log(`${definition.op} (${count} of ${definition.cases.length}): ${why}`)
}
console.log(`${counts.right} right, ${counts.refused} refused, ${counts.wrong} wrong`)
process.exitCode = counts.wrong > 0 ? 1 : 0
