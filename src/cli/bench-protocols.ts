import { textTable } from '../report/text-table.ts'
import type { Protocol } from '../study/protocols/index.ts'
import { shippedProtocols } from '../study/protocols/index-files.ts'
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

const described = ({ name, version, sha256, title, source, scenarios, usual, run }: Protocol) => ({
  ...{ name, version, sha256, title, source, scenarios, usual, run },
})
