import { existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type KeptRun, runInFolder } from '../src/train/folders/run-files.ts'
import { type PlanInput, parsePlan } from '../src/train/plan/plan.ts'
import { loadPlan } from '../src/train/plan/plan-files.ts'
import { engine } from './op-cases.ts'

/** Runs a plan to its end in a folder of its own, as `holdfast learn` does, and gives the model's file that it left. */
export async function learned(input: PlanInput): Promise<KeptRun & { readonly model: Uint8Array }> {
  const loaded = await loadPlan(parsePlan(input), { engine: () => engine })
  const folder = join(mkdtempSync(join(tmpdir(), 'holdfast-run-')), 'run')
  const events = runInFolder(loaded, { engine, folder, verb: 'learn' })
  let next = await events.next()
  while (!next.done) next = await events.next()
  if (next.value.status !== 'finished') throw new Error('The run did not end.')
  const file =
    ['model.onnx', 'model/model.onnx', 'model/onnx/model.onnx'].find((name) =>
      existsSync(join(folder, name)),
    ) ?? 'none'
  return { ...next.value, model: new Uint8Array(readFileSync(join(folder, file))) }
}
