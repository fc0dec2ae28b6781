import { stripVTControlCharacters } from 'node:util'
import { type ArgsDef, defineCommand, parseArgs, renderUsage } from 'citty'
import type { Engine } from '../engine/engine.ts'
import { ortNode } from '../engine/ort-node.ts'
import { didYouMean, UsageError } from '../errors.ts'
import { openWorkers, type Workers } from '../study/workers/index-files.ts'
import type { Screen } from './screen.ts'
import { choiceOf, type Given, wholeOf } from './values.ts'

/** What a verb is run with. */
export interface Call {
  /** A flag's or a positional argument's text. */
  text(name: string): Given
  /** Whether a switch is on. */
  on(name: string): boolean
  /** All positional arguments. */
  readonly positionals: readonly string[]
  readonly screen: Screen
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal
  /** The command line, to be shown in reports. */
  readonly command: string
}

/** What a verb answers: one object for machines, lines for people. */
export interface Answer {
  readonly json: unknown
  readonly text: string
  /** 0 done or passed; 1 usage error or crash; 2 gate failed; 3 inconclusive. Default 0. */
  readonly exitCode?: 0 | 1 | 2 | 3
}

export interface Verb {
  readonly name: string
  readonly summary: string
  /** Commands that work as they stand. */
  readonly examples: readonly string[]
  readonly args: ArgsDef
  /** How many positional arguments there may be. Default as many as are named in `args`. */
  readonly positionals?: number
  readonly run: (call: Call) => Promise<Answer>
}

const common = {
  seed: { type: 'string', description: 'Seed of everything random', valueHint: 'N' },
  threads: {
    type: 'string',
    description: 'Threads of the runtime (default 1: same bits anywhere)',
    valueHint: 'N',
  },
  device: { type: 'string', description: 'cpu or webgpu (default cpu)', valueHint: 'cpu|webgpu' },
  json: { type: 'boolean', description: 'Print one JSON object on stdout, and nothing else there' },
  quiet: { type: 'boolean', description: 'No progress; warnings and errors only' },
  debug: { type: 'boolean', description: 'Show where errors come from' },
  help: { type: 'boolean', alias: 'h', description: 'Show this help' },
} as const satisfies ArgsDef

/** A verb's help, with colours only where `colour` says so. */
export async function helpOf(verb: Verb, colour: boolean): Promise<string> {
  const command = defineCommand({
    meta: { name: verb.name, description: verb.summary },
    args: { ...verb.args, ...common },
  })
  const usage = await renderUsage(command, defineCommand({ meta: { name: 'holdfast' } }))
  const text = `${usage.trimEnd()}\n\nEXAMPLES\n\n${verb.examples.map((line) => `  ${line}`).join('\n')}\n`
  return colour ? text : stripVTControlCharacters(text)
}

/** The arguments after a verb, checked: unknown flags, missing values and superfluous words are errors. */
export function readArguments(
  verb: Verb,
  words: readonly string[],
): Pick<Call, 'text' | 'on' | 'positionals'> {
  const args: ArgsDef = { ...verb.args, ...common }
  const positionals = checkWords(verb, args, words)
  const parsed: Record<string, unknown> = parseArgs(
    [...words],
    Object.fromEntries(Object.entries(args).filter(([, def]) => def.type !== 'positional')),
  )
  const named = Object.entries(verb.args).flatMap(([name, def]) =>
    def.type === 'positional' ? [{ name, def }] : [],
  )
  for (const [index, { name, def }] of named.entries()) {
    if (positionals[index] === undefined && def.required !== false) {
      throw new UsageError(
        'argument-missing',
        `holdfast ${verb.name} needs ${name.toUpperCase()}${def.description ? ` (${def.description})` : ''}. For example: ${verb.examples[0]}`,
      )
    }
  }
  return {
    positionals,
    text: (name) => {
      const place = named.findIndex((each) => each.name === name)
      const value = place >= 0 ? positionals[place] : parsed[name]
      return typeof value === 'string' ? value : undefined
    },
    on: (name) => parsed[name] === true,
  }
}

function checkWords(verb: Verb, args: ArgsDef, words: readonly string[]): string[] {
  const positionals: string[] = []
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? ''
    if (word === '--') {
      positionals.push(...words.slice(at + 1))
      break
    }
    if (!/^--?[a-zA-Z]/.test(word)) {
      positionals.push(word)
      continue
    }
    const [flag = '', value] = word.replace(/^--?/, '').split(/=(.*)/s)
    const def = flagOf(args, flag, word.startsWith('--'))
    if (!def) throw unknownFlag(verb, args, word.split('=')[0] ?? word)
    if (def.type === 'boolean') continue
    if (value !== undefined) continue
    const next = words[++at]
    if (next === undefined || /^--[a-z]/.test(next)) {
      throw new UsageError(
        'flag-value',
        `--${flag} needs a value, but none was given. ${def.description ?? ''}`.trim(),
      )
    }
  }
  const most = verb.positionals ?? Object.values(verb.args).filter(({ type }) => type === 'positional').length
  if (positionals.length > most) {
    throw new UsageError(
      'argument-extra',
      `holdfast ${verb.name} does not know what to do with "${positionals[most]}". For example: ${verb.examples[0]}`,
    )
  }
  return positionals
}

function flagOf(args: ArgsDef, flag: string, long: boolean) {
  const own = Object.entries(args).filter(([, def]) => def.type !== 'positional')
  if (!long) return own.find(([, def]) => 'alias' in def && def.alias === flag)?.[1]
  const found = own.find(([name]) => name === flag)?.[1]
  if (found) return found
  const positive = flag.startsWith('no-') ? own.find(([name]) => name === flag.slice(3))?.[1] : undefined
  return positive?.type === 'boolean' ? positive : undefined
}

function unknownFlag(verb: Verb, args: ArgsDef, flag: string): UsageError {
  const known = Object.entries(args).flatMap(([name, { type }]) =>
    type === 'positional' ? [] : [`--${name}`],
  )
  return new UsageError(
    'flag-unknown',
    `holdfast ${verb.name} has no flag ${flag}.${didYouMean(flag, known)} All flags: holdfast ${verb.name} --help`,
  )
}

export interface EngineSettings {
  readonly threads: number | undefined
  readonly device: 'cpu' | 'webgpu' | undefined
}

/** The flags that say how to compute. */
export const engineSettings = (call: Call): EngineSettings => ({
  threads: wholeOf('threads', call.text('threads'), 1),
  device: choiceOf('device', call.text('device'), ['cpu', 'webgpu']),
})

/** Threads for runs side by side: each loads the program again and serves (see main.ts). */
export const workersFor = (call: Call): Workers => {
  const { threads, device } = engineSettings(call)
  return openWorkers(mainModule(), { threads: threads ?? 1, device: device ?? 'cpu' })
}

/** The program's own file: beside this one when compiled, this one when bundled. */
function mainModule(): string {
  const here = import.meta.url
  return here.endsWith('/verb.js') ? new URL('./main.js', here).href : here
}

/** One thread unless asked otherwise, so that results do not depend on the machine's size. */
export const engineFor = ({ threads, device }: Partial<EngineSettings>): Engine =>
  ortNode({ threads: threads ?? 1, device: device ?? 'cpu' })
