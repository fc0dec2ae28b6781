import { randomStream } from '../../src/index.ts'

/** What a machine's state does to its four sensors: temperature, vibration, current and noise, in their own units. */
const states: Readonly<Record<string, readonly number[]>> = {
  normal: [0, 0, 0, 0],
  'worn-bearing': [0.5, 2.5, 0.5, 2],
  overheating: [3, 0, 1.5, 0],
  blocked: [1, 0.5, 3, -1],
  unbalanced: [0, 2.5, -0.5, -0.5],
  leaking: [-2, 0.5, -1, 1.5],
  starving: [0.5, -2, -2.5, -1],
}

export interface Readings {
  readonly classes: readonly string[]
  readonly perClass: number
  readonly seed: number
  /** How far the sensors have drifted, in the units of their noise; default 0. */
  readonly drift?: number
}

/** Sensor readings of machines, as CSV: they stand for your table. Each sensor's noise is 0.6. */
export function readings({ classes, perClass, seed, drift = 0 }: Readings): string {
  const random = randomStream(seed, 'readings')
  const rows = classes.flatMap((name) =>
    Array.from({ length: perClass }, () => {
      const sensors = (states[name] ?? []).map(
        (mean, at) => mean + 0.6 * (random.normal() + (at % 2 ? drift : -drift)),
      )
      return [...sensors.map((value) => value.toFixed(3)), name].join()
    }),
  )
  return ['temperature,vibration,current,noise,label', ...rows, ''].join('\n')
}
