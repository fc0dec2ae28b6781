import { points } from '../../measure/points.ts'
import { roundStep } from './scale.ts'

/** What is drawn along a path, and how it is written. */
export interface PathMeasure {
  /** In a sentence: `accuracy`. */
  readonly name: string
  /** In the title of a table: `accuracy in %`. */
  readonly title: string
  /** In the head of a column: `%`. */
  readonly unit: string
  /** Said aloud behind a number: `per cent`. */
  readonly spoken: string
  /** Where the axis begins and ends, and what stands between, for values to be shown. */
  ticks(values: readonly number[]): readonly number[]
  /** A number at the axis. */
  tick(value: number): string
  /** A number behind a line. */
  short(value: number): string
  /** A number in a table. */
  exact(value: number): string
}

/** Accuracies, as fractions. */
export const accuracyMeasure: PathMeasure = {
  name: 'accuracy',
  title: 'accuracy in %',
  unit: '%',
  spoken: 'per cent',
  ticks: (values) => {
    // In fifths, so that the four steps up to 100 % are whole numbers.
    const low = Math.floor(5 * Math.min(0.8, ...values)) / 5
    return [0, 0.25, 0.5, 0.75, 1].map((share) => low + share * (1 - low))
  },
  tick: (value) => points(value, 0),
  short: (value) => points(value),
  exact: (value) => points(value, 2),
}

/** Lines that lie nearer to one another are not told apart. */
const LEAST_RANGE = 0.004

/** Bits per byte of texts: less is better. */
export const bitsMeasure: PathMeasure = {
  name: 'bits per byte',
  title: 'bits per byte',
  unit: 'bits/byte',
  spoken: 'bits per byte',
  ticks: (values) => {
    const [least, most] = [Math.min(...values), Math.max(...values)]
    const step = roundStep(Math.max(most - least, LEAST_RANGE) / 4)
    const first = Math.floor(least / step)
    const steps = Math.max(1, Math.ceil(most / step) - first)
    return Array.from({ length: steps + 1 }, (_, at) => (first + at) * step)
  },
  tick: (value) => String(Number(value.toPrecision(6))),
  short: (value) => value.toFixed(3),
  exact: (value) => value.toFixed(4),
}
