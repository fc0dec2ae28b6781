import { parsePlan, type RunPlan } from '../../train/plan/index.ts'

/** One table of the quickstart: methods on one model in one scenario. */
export interface QuickstartPart {
  readonly title: string
  readonly plans: readonly RunPlan[]
}

const methods = [
  { name: 'none', options: {} },
  { name: 'ewc', options: { lambda: 1000, fisherSamples: 2000 } },
  { name: 'lwf', options: { temperature: 2 } },
  { name: 'replay', options: { perClass: 100 } },
  { name: 'joint', options: {} },
] as const

const parts = [
  { model: { kind: 'simple' }, scenario: 'class', title: 'One linear layer, ten outputs' },
  { model: { kind: 'mlp', hidden: [100, 100] }, scenario: 'class', title: 'MLP 784-100-100-10, ten outputs' },
  {
    model: { kind: 'mlp', hidden: [100, 100] },
    scenario: 'task',
    title: 'The same MLP, told whether a digit is one of 0-4 or of 5-9',
  },
] as const

/**
 * The digits 0 to 4, then 5 to 9, one pass each: SGD 0.01 with momentum 0.9, batches of 64, pixels normalised by 0.1307 and
 * 0.3081, EWC's lambda 1000. With one output over all ten digits EWC cannot keep the first five, and is seen not to; with the
 * task told it can.
 */
export function quickstartParts(options: {
  readonly source?: string | undefined
  readonly limit?: { readonly train: number; readonly test: number } | undefined
  readonly seed?: number | undefined
}): QuickstartPart[] {
  const { source = 'mnist', limit, seed = 1 } = options
  return parts.map(({ model, scenario, title }) => ({
    title,
    plans: methods.map((method) =>
      parsePlan({
        name: title,
        data: { source, preprocessing: 'mnist', ...(limit ? { limit } : {}) },
        stream: {
          kind: 'split',
          scenario,
          groups: [
            [0, 1, 2, 3, 4],
            [5, 6, 7, 8, 9],
          ],
        },
        model,
        method,
        optimiser: { name: 'sgd', momentum: 0.9 },
        learningRate: 0.01,
        epochs: 1,
        batchSize: 64,
        evaluateEvery: 50,
        seed,
      }),
    ),
  }))
}
