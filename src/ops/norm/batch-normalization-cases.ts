import type { CaseInput } from '../core/index.ts'

export const positive = (dims: readonly number[], parameter = false): CaseInput => ({
  dims,
  range: [0.5, 1.5],
  ...(parameter ? { parameter: true } : {}),
})
export const five = (dims: readonly number[], which?: 'scale' | 'bias'): CaseInput[] => {
  const channels = [dims[1] ?? 1]
  return [
    { dims },
    positive(channels, which === 'scale'),
    { dims: channels, ...(which === 'bias' ? { parameter: true } : {}) },
    { dims: channels, constant: true },
    { ...positive(channels), constant: true },
  ]
}
export const training = { training_mode: 1 }
export const trained = { attributes: training, outputs: 3, through: [0] }
