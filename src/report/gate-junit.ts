import { points } from '../measure/points.ts'
import type { GateResult, GroupComparison } from '../update/gate/index.ts'
import { escapeText } from './figures/index.ts'
import { figuresLine } from './gate-table.ts'

interface Case {
  readonly suite: 'rules' | 'classes' | 'slices'
  readonly name: string
  /** What is wrong; undefined where nothing is. */
  readonly problem?: { readonly element: 'failure' | 'error' | 'skipped'; readonly message: string }
}

/**
 * A gate's result as JUnit XML. Each rule is a test case: a failed one is a failure, an inconclusive one an error. Each class and slice is
 * one too: it fails where it is shown to be worse and a rule forbids that, and is skipped where its examples are too few to tell.
 *
 * @example await writeFile('gate.xml', gateJunit(result))
 */
export function gateJunit(result: GateResult): string {
  const asked = new Set(result.rules.map(({ rule }) => rule))
  const cases: Case[] = [
    ...result.rules.map(({ rule, verdict, reason }): Case => {
      if (verdict === 'pass') return { suite: 'rules', name: rule }
      const element = verdict === 'fail' ? 'failure' : 'error'
      return { suite: 'rules', name: rule, problem: { element, message: reason } }
    }),
    ...result.perClass.map((group) => groupCase('classes', group, asked.has('classes'))),
    ...result.slices.map((group) => groupCase('slices', group, asked.has('slices'))),
  ]
  return junitXml(cases, figuresLine(result))
}

/** Test cases as JUnit XML. `figures`: what the suite of rules says beside them. */
export function junitXml(cases: readonly Case[], figures: string): string {
  const suites = (['rules', 'classes', 'slices'] as const)
    .map((suite) => ({ suite, own: cases.filter((each) => each.suite === suite) }))
    .filter(({ own }) => own.length > 0)
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="holdfast gate"${counts(cases)}>`,
    ...suites.flatMap(({ suite, own }) => [
      `  <testsuite name="${suite}"${counts(own)}>`,
      ...own.map(caseXml),
      ...(suite === 'rules' ? [`    <system-out>${safe(figures)}</system-out>`] : []),
      '  </testsuite>',
    ]),
    '</testsuites>',
    '',
  ].join('\n')
}

function groupCase(suite: 'classes' | 'slices', group: GroupComparison, enforced: boolean): Case {
  const { name, verdict, drop, lower, upper, budget, n } = group
  const figures = `drop ${points(drop, 2)} points, between ${points(lower, 2)} and ${points(upper, 2)}, budget ${points(budget, 2)}, ${n} examples`
  if (verdict === 'kept') return { suite, name }
  if (verdict === 'unclear') {
    return { suite, name, problem: { element: 'skipped', message: `Too few examples to tell: ${figures}` } }
  }
  const flag = suite === 'classes' ? '--max-drop-per-class' : '--max-drop-per-slice'
  return enforced
    ? { suite, name, problem: { element: 'failure', message: `Outside its budget: ${figures}` } }
    : {
        suite,
        name,
        problem: {
          element: 'skipped',
          message: `Outside the budget, not counted without ${flag}: ${figures}`,
        },
      }
}

function counts(cases: readonly Case[]): string {
  const of = (element: string) => cases.filter(({ problem }) => problem?.element === element).length
  return ` tests="${cases.length}" failures="${of('failure')}" errors="${of('error')}" skipped="${of('skipped')}"`
}

function caseXml({ suite, name, problem }: Case): string {
  const open = `    <testcase classname="holdfast.gate.${suite}" name="${safe(name)}"`
  if (!problem) return `${open}/>`
  return `${open}><${problem.element} message="${safe(problem.message)}"/></testcase>`
}

/** In an attribute a tab and a line feed would be read as spaces. Whatever else XML 1.0 has no place for is written out. */
const safe = (text: string): string =>
  escapeText(text).replace(/[\t\n]/g, (sign) => `&#${sign.charCodeAt(0)};`)
