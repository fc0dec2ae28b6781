import { didYouMean, UsageError } from '../errors.ts'
import { agemEntry } from './a-gem.ts'
import { bicEntry } from './bic.ts'
import { ldaHeadEntry, ranpacEntry, ridgeHeadEntry } from './closed-form-heads.ts'
import { compose } from './compose.ts'
import { derEntry, derPlusEntry } from './der.ts'
import { distilEntry } from './distil.ts'
import { checkOption, isGiven, type MethodEntry, type OptionRule, optionRules, settle } from './entry.ts'
import { erAceEntry } from './er-ace.ts'
import { ewcEntry, onlineEwcEntry } from './ewc.ts'
import { ewcKfacEntry } from './ewc-kfac.ts'
import { gdumbEntry } from './gdumb.ts'
import { gemEntry } from './gem.ts'
import { icarlEntry } from './icarl.ts'
import { jointEntry } from './joint.ts'
import { l2spEntry } from './l2-sp.ts'
import { lessForgetEntry } from './less-forget.ts'
import { logitAdjustmentEntry } from './logit-adjustment.ts'
import { lpftEntry } from './lp-ft.ts'
import { lwfEntry } from './lwf.ts'
import { masEntry } from './mas.ts'
import type { Json, Method } from './method.ts'
import { nearestMeanEntry } from './nearest-mean.ts'
import { noneEntry } from './none.ts'
import { replayEntry, reservoirReplayEntry } from './replay.ts'
import { samEntry } from './sam.ts'
import { siEntry } from './si.ts'
import { taskLoraEntry } from './task-lora.ts'
import { weightAligningEntry } from './weight-aligning.ts'
import { emaEntry, swaEntry } from './weight-averaging.ts'
import { xdgEntry } from './xdg.ts'

export { holdsWeights, type MethodEntry, type OptionRule, optionRules } from './entry.ts'
export type { SearchRange } from './search.ts'

/** Options of methods by name, as they stand in a configuration. */
export type MethodOptions = { readonly [option: string]: Json | undefined }

/** All methods known by name, in the order in which people read of them. */
export const methodEntries: readonly MethodEntry[] = [
  noneEntry,
  jointEntry,
  ewcEntry,
  onlineEwcEntry,
  ewcKfacEntry,
  siEntry,
  masEntry,
  l2spEntry,
  lwfEntry,
  distilEntry,
  lessForgetEntry,
  samEntry,
  emaEntry,
  swaEntry,
  lpftEntry,
  replayEntry,
  reservoirReplayEntry,
  derEntry,
  derPlusEntry,
  erAceEntry,
  agemEntry,
  gemEntry,
  gdumbEntry,
  xdgEntry,
  taskLoraEntry,
  icarlEntry,
  nearestMeanEntry,
  ridgeHeadEntry,
  ldaHeadEntry,
  ranpacEntry,
  weightAligningEntry,
  bicEntry,
  logitAdjustmentEntry,
]

/** Every option that some method has, as the first of them describes it, and the names of all that have it. */
export const allOptions: ReadonlyMap<string, OptionRule & { readonly methods: readonly string[] }> = new Map(
  methodEntries
    .flatMap(({ options }) => Object.entries(optionRules(options)))
    .map(([option, rule]) => {
      const having = methodEntries.filter(({ options }) => Object.hasOwn(options.shape, option))
      return [option, { ...rule, methods: having.map(({ name }) => name) }] as const
    })
    .reduce((found, [option, rule]) => (found.has(option) ? found : found.set(option, rule)), new Map()),
)

/**
 * The options that a method, or a composition like `ewc+replay`, can be given.
 *
 * @throws UsageError `method-unknown`, with the nearest name that there is.
 */
export function methodOptions(name: string): Readonly<Record<string, OptionRule>> {
  return Object.assign({}, ...methodParts(name).map(({ options }) => optionRules(options)))
}

/**
 * A method by its name, or several composed: `ewc+replay`. Parts of a composition take the options that are theirs.
 *
 * @throws UsageError `method-unknown`; `method-option` for an option that none of the parts has, or of the wrong kind; `compose-refused` for
 * parts that make no sense together; and what the methods themselves throw for values that make no sense.
 * @example
 * const method = createMethod('ewc+replay', { lambda: 100, perClass: 20 })
 */
export function createMethod(name: string, options: MethodOptions = {}): Method {
  const parts = methodParts(name)
  refuseSenseless(name, parts)
  const rules = methodOptions(name)
  const given = Object.entries(options).filter(([, value]) => isGiven(value))
  for (const [option, value] of given) checkOption(name, option, value ?? null, rules)
  return compose(
    ...parts.map((part) => {
      const own = given.filter(([option]) => Object.hasOwn(part.options.shape, option))
      return part.create(settle(part.name, part.options, Object.fromEntries(own)))
    }),
  )
}

/** What nobody would ask for knowingly: a part twice, or one that does nothing. */
function refuseSenseless(name: string, parts: readonly MethodEntry[]): void {
  const reason = senseless(parts)
  if (reason) throw new UsageError('compose-refused', `The method "${name}" cannot be composed. ${reason}`)
}

function senseless(parts: readonly MethodEntry[]): string | undefined {
  const twice = parts.find((part, at) => parts.indexOf(part) < at)
  if (twice) return `${twice.name} stands in it twice: name it once.`
  return parts.length > 1 && parts.includes(noneEntry)
    ? 'none does nothing, alone or beside others: leave it out.'
    : undefined
}

/**
 * The methods that a name is composed of, in its order.
 *
 * @throws UsageError `method-unknown`, with the nearest name that there is.
 */
export const methodParts = (name: string): readonly MethodEntry[] => namesIn(name).map(entryOf)

/** Parts are joined by `+`, and names may end in it: `der+++ewc` is der++ and ewc. */
function namesIn(name: string): string[] {
  const longest = methodEntries
    .map((entry) => entry.name)
    .filter((known) => known.endsWith('+') && (name === known || name.startsWith(`${known}+`)))
    .sort((a, b) => b.length - a.length)[0]
  const [plain = ''] = name.split('+', 1)
  const first = longest ?? plain
  return name.length > first.length ? [first, ...namesIn(name.slice(first.length + 1))] : [first]
}

function entryOf(name: string): MethodEntry {
  const found = methodEntries.find((entry) => entry.name === name)
  if (found) return found
  const known = methodEntries.map((entry) => entry.name)
  throw new UsageError(
    'method-unknown',
    `There is no method "${name}"; known are ${known.join(', ')}, and compositions like ewc+replay.${didYouMean(name, known)}`,
  )
}
