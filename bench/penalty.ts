// What EWC's penalty costs a step: the same step with and without it, alternating, medians, one thread.
//   node scripts/run.mjs bench/penalty.ts [--rounds 15]
import { parseArgs } from 'node:util'
import { median } from '../src/measure/statistics.ts'
import { openStep } from './bench-steps.ts'

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '15' }, calls: { type: 'string', default: '3' } },
})
for (const name of ['mlp-400', 'mlp-400-sgd']) {
  const contestants = [await openStep(name, { threads: 1 }), await openStep(`${name}-ewc`, { threads: 1 })]
  const times: number[][] = [[], []]
  for (let round = 0; round <= Number(values.rounds); round++) {
    for (const [index, step] of contestants.entries()) {
      const began = performance.now()
      for (let call = 0; call < Number(values.calls); call++) await step.call()
      const elapsed = (performance.now() - began) / (Number(values.calls) * step.stepsPerCall)
      if (round > 0) times[index]?.push(elapsed)
    }
  }
  for (const step of contestants) await step.dispose()
  const [plain = 0, penalised = 0] = times.map(median)
  const ratios = median((times[0] ?? []).map((time, round) => (times[1]?.[round] ?? 0) / time))
  console.log(
    `${name}: plain ${plain.toFixed(3)} ms, with EWC ${penalised.toFixed(3)} ms; the penalty adds ${((ratios - 1) * 100).toFixed(1)} % (median of the pairs)`,
  )
}
