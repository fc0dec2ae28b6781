import { points } from '../../measure/points.ts'
import { mean, sem } from '../../measure/statistics.ts'

const names: Readonly<Record<string, string>> = {
  none: 'fine-tuning',
  joint: 'joint training',
  ewc: 'EWC',
  'online-ewc': 'online EWC',
  si: 'SI',
  mas: 'MAS',
  'l2-sp': 'L2-SP',
  lwf: 'LwF',
  der: 'DER',
  'der++': 'DER++',
  'a-gem': 'A-GEM',
  agem: 'A-GEM',
  gem: 'GEM',
  icarl: 'iCaRL',
  gdumb: 'GDumb',
  'er-ace': 'ER-ACE',
  sam: 'SAM',
  bic: 'BiC',
  'weight-aligning': 'weight aligning',
  'logit-adjustment': 'logit adjustment',
}

/**
 * A method's name for people, as it stands within a sentence; of a composition, each part's.
 *
 * @example methodName('ewc+replay') // 'EWC + replay'
 */
export const methodName = (method: string): string => {
  const known = names[method]
  if (known !== undefined) return known
  return method
    .split('+')
    .map((part) => names[part] ?? part)
    .join(' + ')
}

/** First letter large, for the start of a sentence or a label; names like iCaRL stay as they are written. */
export const capitalise = (text: string): string =>
  /^[a-z][A-Z]/.test(text) ? text : text.charAt(0).toUpperCase() + text.slice(1)

/** A method's name where it stands alone. */
export const methodTitle = (method: string): string => capitalise(methodName(method))

/**
 * Mean of fractions with its standard error in points; undefined where no run has the figure.
 *
 * @example meanAndError([0.9, 0.92, null]) // '91.0 ± 1.0'
 */
export const meanAndError = (fractions: readonly (number | null | undefined)[]): string | undefined => {
  const values = fractions.filter((value) => value !== null && value !== undefined)
  if (values.length === 0) return undefined
  const error = sem(values)
  return error === undefined ? points(mean(values)) : `${points(mean(values))} ± ${points(error)}`
}

/**
 * Seconds for people: two units at most.
 *
 * @example duration(3725) // '1 h 02 min'
 */
export const duration = (seconds: number): string => {
  if (!Number.isFinite(seconds) || seconds < 0) return '?'
  if (seconds < 0.9995) return `${Math.round(1000 * seconds)} ms`
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  const pad = (value: number) => String(value).padStart(2, '0')
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 1440) return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`
  const hours = Math.round(seconds / 3600)
  return `${Math.floor(hours / 24)} d ${pad(hours % 24)} h`
}

/**
 * Task names for tight places: what they all begin with left out, and numbers where the rest is still too long or not unique.
 *
 * @example shortNames(['rotation 0°', 'rotation 9°'], 8) // ['0°', '9°']
 */
export const shortNames = (tasks: readonly string[], length: number): string[] => {
  const words = tasks.map((task) => task.split(' '))
  let shared = 0
  const fewest = Math.min(...words.map((parts) => parts.length))
  while (
    tasks.length > 1 &&
    shared < fewest - 1 &&
    words.every((parts) => parts[shared] === words[0]?.[shared])
  )
    shared++
  const short = words.map((parts) => parts.slice(shared).join(' '))
  const fits = short.every((name) => name.length <= length) && new Set(short).size === tasks.length
  return fits ? short : tasks.map((_, n) => String(n + 1))
}
