import { cpus } from 'node:os'
import { parseAugment } from '../src/data/augment/index.ts'
import type { Dataset } from '../src/data/dataset.ts'
import type { Engine } from '../src/engine/engine.ts'
import { withWeights } from '../src/evaluate/index.ts'
import { followNorms } from '../src/model/adapters/index.ts'
import type { Model } from '../src/model/model.ts'
import type { Tensor } from '../src/tensor/tensor.ts'
import type { UpdateData } from '../src/update/parts.ts'
import type { RungName } from '../src/update/recipes/rungs.ts'
import { updateModel } from '../src/update/update.ts'
import { updatedModel } from '../src/update/updated-model.ts'
import { accuracyOn, argument, byOracle, cpuSeconds, percent } from './update-bench.ts'

if (process.argv.includes('--cpu-time')) {
  performance.now = () => 1000 * cpuSeconds()
}
/** What an update came to. */
export interface Shipped {
  readonly budget: number
  readonly status: string
  readonly drop: number
  readonly gained: number
  readonly cpu: number
}

/** What one update ships, on test rows, and when each trial began. The command line may ask for --time, --epochs, --rungs, --rate, --oracle. */
export async function shipped(
  engine: Engine,
  data: { readonly update: UpdateData; readonly oldTest: Dataset; readonly newTest: Dataset },
  {
    model,
    widened,
    maxDrop,
    seed,
    budgets,
  }: { model: Model; widened: Model; maxDrop: number; seed: number; budgets: readonly number[] },
): Promise<Shipped> {
  const began = process.cpuUsage()
  const trained: ReadonlyMap<string, Tensor>[] = []
  const result = await updateModel({
    ...{ engine, model, widened, data: data.update, seed },
    budget: { maxDrop },
    time: Number(argument('time', '60')),
    ...(argument('epochs', '') ? { epochs: Number(argument('epochs', '')) } : {}),
    ...(argument('rungs', '') ? { rungs: argument('rungs', '').split(',') as RungName[] } : {}),
    ...(argument('augment', '') ? { augment: parseAugment(argument('augment', '').split(',')) } : {}),
    ...(argument('rate', '') ? { learningRate: Number(argument('rate', '')) } : {}),
    onEvent: (event) => {
      if (event.type === 'trial') {
        const { rung, learningRate } = event.settings
        console.log(`  ${cpuSeconds(began).toFixed(1)} CPU s: ${rung}, rate ${learningRate}`)
      }
      if (event.type === 'trained') trained.push(event.parameters)
    },
  })
  const cpu = cpuSeconds(began)
  const before = await accuracyOn(engine, model, data.oldTest)
  const after = updatedModel({ model, widened }, result)
  const drop = before - (await accuracyOn(engine, after, data.oldTest))
  const gained = await accuracyOn(engine, after, data.newTest)
  const { old, new: fresh, chosen, trials } = result
  console.log(
    `  ${result.status}: drop ${percent(drop)}, new ${percent(gained)}; announced drop ${percent(old?.drop ?? 0)} at most ${percent(old?.upper ?? 0)}, new ${percent(fresh.after)}; ${trials[chosen?.trial ?? 0]?.settings.rung}, alpha ${chosen?.alpha}, ${chosen?.tested} tested; ${cpu.toFixed(1)} CPU s`,
  )
  if (process.argv.includes('--oracle')) {
    for (const [at, weights] of trained.entries()) {
      const found = await byOracle(
        engine,
        withWeights(followNorms(widened), weights),
        data,
        budgets.map((budget) => before - budget),
      )
      console.log(
        `  by the border that is best on test rows: ${trials[at]?.settings.rung}: ${found.map(percent).join(', ')}`,
      )
    }
  }
  return { budget: maxDrop, status: result.status, drop, gained, cpu }
}

/** Means over updates, by budget. */
export function shippedText(all: readonly Shipped[], engine: Engine, budgets: readonly number[]): string {
  const lines = budgets.map((budget) => {
    const found = all.filter((each) => each.budget === budget)
    const mean = (of: (each: Shipped) => number) =>
      found.reduce((sum, each) => sum + of(each), 0) / found.length
    const met = found.filter(({ status }) => status === 'met')
    return `budget ${percent(budget)}: ${met.length} of ${found.length} met, ${met.filter(({ drop }) => drop <= budget).length} of these kept; drop ${percent(mean(({ drop }) => drop))}, new ${percent(mean(({ gained }) => gained))}, ${mean(({ cpu }) => cpu).toFixed(1)} CPU s`
  })
  return [
    `\n${cpus()[0]?.model}, ${engine.options.threads} threads; means over ${all.length / budgets.length} updates`,
    ...lines,
  ].join('\n')
}
