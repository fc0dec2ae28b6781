import { UsageError } from '../errors.ts'
import { textTable } from '../report/text-table.ts'
import type { Protocol } from '../study/protocols/index.ts'
import { shippedProtocols } from '../study/protocols/index-files.ts'
import type { LoadedPlan } from '../train/plan/index-files.ts'
import type { Answer } from './verb.ts'

/** The protocols that come with Holdfast, a line each. */
export async function protocolList(): Promise<Answer> {
  const found = (await shippedProtocols()).map(({ protocol }) => protocol)
  const rows = found.map((each) => [
    `${each.name}@${each.version}`,
    each.title,
    each.scenarios.join(', '),
    each.source ?? '',
  ])
  return {
    json: { protocols: found.map(described) },
    text: [
      ...textTable({ head: ['Protocol', 'What', 'Scenarios', 'Source'], rows }),
      '',
      'Run one with: holdfast bench NAME. Print its file, to begin one of your own with: holdfast bench NAME --show',
    ].join('\n'),
  }
}

/** A protocol's file as it is written. */
export const protocolShown = (protocol: Protocol, text: string): Answer => ({
  json: { ...described(protocol), text },
  text: text.trimEnd(),
})

/**
 * Runs of a benchmark read what was loaded for the first of them: it has to be the same for all.
 *
 * @throws UsageError `protocol-vocabulary`, `protocol-scenario`.
 */
export function checkAlike(
  { name, run, seeded }: Protocol,
  { beside }: Pick<LoadedPlan, 'beside'>,
  scenarios: readonly string[],
): void {
  if (beside.has('tokenizer.json') && seeded.length > 0 && run.data?.vocabulary?.from !== 'all') {
    throw new UsageError(
      'protocol-vocabulary',
      `${name} makes the model's vocabulary from the first task's texts, and which these are depends on the seed (seeded: ${seeded.join(', ')}). Write data.vocabulary: {from: all} into the protocol's run, or data.tokenizer.`,
    )
  }
  if (run.model?.kind === 'onnx' && scenarios.length > 1) {
    throw new UsageError(
      'protocol-scenario',
      `${name} trains a model from a file, whose outputs belong to one scenario, and ${scenarios.join(', ')} were asked for. Name one with --scenario.`,
    )
  }
}

const described = ({ name, version, sha256, title, source, scenarios, usual, run }: Protocol) => ({
  ...{ name, version, sha256, title, source, scenarios, usual, run },
})
