import { compose } from '../../methods/compose.ts'
import type { Json, Method } from '../../methods/method.ts'
import {
  createMethod,
  type MethodEntry,
  type MethodOptions,
  methodParts,
  type OptionRule,
  optionRules,
} from '../../methods/registry.ts'

/** How strongly the old is protected while the new is learned. */
export interface Protection {
  /** Replayed rows in a batch, as a share of the new ones. */
  readonly replay: number
  /** Factor of the weight of the distillation beside the loss on labels. */
  readonly distillation: number
}

/** How many times as strong the penalty of a trial is as that of the one before. */
const PENALTY_GROWTH = 10

/** What the options of a trial's method depend on. */
export interface TrialPlace {
  /** From 0. */
  readonly trial: number
  readonly protection: Protection
  /** New rows a step. */
  readonly batchSize: number
  /** Old rows that there are. */
  readonly oldRows: number
  readonly oldClasses: number
  readonly classes: number
}

export interface TrialMethod {
  readonly method: Method
  /** Those that the trial set, by name. */
  readonly options: MethodOptions
}

/**
 * A registered method with the options of a trial: each as it is given, or as its role in updates says.
 *
 * @throws UsageError `method-option` for an option that the method does not have, or a value that makes no sense.
 */
export function trialMethod(name: string, given: MethodOptions, place: TrialPlace): TrialMethod {
  // What is not an option of any part is refused.
  createMethod(name, given)
  const parts = methodParts(name).map((entry) => ({ entry, options: optionsOf(entry, given, place) }))
  return {
    method: compose(...parts.map(({ entry, options }) => createMethod(entry.name, options))),
    options: Object.assign({}, ...parts.map(({ options }) => options)),
  }
}

function optionsOf({ options }: MethodEntry, given: MethodOptions, place: TrialPlace): MethodOptions {
  // A share of old rows that is given divides steps by itself.
  const divides = given.oldShare !== undefined
  const found = Object.entries(optionRules(options)).map(([option, rule]) => [
    option,
    divides && (rule.role === 'batch' || rule.role === 'share')
      ? given[option]
      : inTrial(rule, given[option], place),
  ])
  return Object.fromEntries(found.filter(([, value]) => value !== undefined))
}

function inTrial(rule: OptionRule, given: Json | undefined, place: TrialPlace): Json | undefined {
  const { protection, oldClasses, classes } = place
  switch (rule.role) {
    case 'penalty':
      return Number(given ?? rule.default) * PENALTY_GROWTH ** place.trial
    case 'distillation':
      return Number(given ?? rule.default ?? 1) * protection.distillation
    case 'memory':
      return given ?? Math.max(1, place.oldRows)
    case 'batch': {
      // What is drawn from may hold fewer.
      return given ?? Math.max(1, Math.round(place.batchSize * protection.replay))
    }
    case 'share':
      // Old classes count as much as their number says, but no less than the new.
      return given ?? 1 - (classes > oldClasses ? Math.max(0.5, oldClasses / classes) : 0.5)
    case 'step':
      // Stable however strong the penalty is.
      return given ?? 'proximal'
    case undefined:
      return given
  }
}
