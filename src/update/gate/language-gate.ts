import { itemAt } from '../../required.ts'
import type { Verdict } from './gate-compare.ts'
import { type RuleOutcome, verdictOf } from './gate-rules.ts'
import type { ProbeGateResult } from './probe-gate.ts'
import type { TextGateResult } from './text-gate.ts'

/** What two models wrote behind the same prompt. */
export interface AnsweredPrompt {
  readonly prompt: string
  readonly before: string
  readonly after: string
}

/** What a gate found of language models: on texts, on probes, or on both. */
export interface LanguageGateResult {
  /** `fail` as soon as one rule fails, `pass` when all pass, else `inconclusive`. */
  readonly verdict: Verdict
  readonly baseline: string
  readonly candidate: string
  readonly rules: readonly RuleOutcome<string>[]
  readonly warnings: readonly string[]
  readonly texts?: TextGateResult | undefined
  readonly probes?: ProbeGateResult | undefined
  /** For people to read: no rule is about them. */
  readonly prompts: readonly AnsweredPrompt[]
}

/**
 * One verdict of what was found on texts and on probes: all rules of both have to pass.
 *
 * @param found One of the two at least.
 * @example
 * gateLanguage({ texts: gateTexts(…), probes: gateProbes(…) }).verdict
 */
export function gateLanguage(
  found: Pick<LanguageGateResult, 'texts' | 'probes'> & Partial<Pick<LanguageGateResult, 'prompts'>>,
): LanguageGateResult {
  const { texts, probes, prompts = [] } = found
  const parts = [texts, probes].filter((part) => part !== undefined)
  const rules = parts.flatMap((part): readonly RuleOutcome<string>[] => part.rules)
  const { baseline, candidate } = itemAt(parts, 0, 'comparison')
  return {
    verdict: verdictOf(rules),
    ...{ baseline, candidate, rules, texts, probes, prompts },
    warnings: [...new Set(parts.flatMap(({ warnings }) => warnings))],
  }
}
