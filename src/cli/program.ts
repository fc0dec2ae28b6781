import { setMaxListeners } from 'node:events'
import { z } from 'zod'
import { didYouMean, HoldfastError, UsageError } from '../errors.ts'
import { visible } from '../report/figures/index.ts'
import { withoutPasswords } from '../study/queue/index.ts'
import { helpText, spoken } from './flags/index.ts'
import type { Interruption } from './interruption.ts'
import { openScreen, type Screen } from './screen.ts'
import { print } from './stdout.ts'
import { isVerb, verbNames } from './summaries.ts'
import type { Answer, Call, Verb } from './verb.ts'
import { openVerb } from './verbs.ts'

/** Runs one command line. Results go to stdout, all else to stderr. */
export async function main(words: readonly string[], interruption: Interruption): Promise<number> {
  const [name = '', ...rest] = words
  const json = rest.includes('--json')
  let speak = (text: string): string => text
  try {
    if (!isVerb(name)) throw unknownVerb(name)
    const verb = await openVerb(name)
    speak = (text) => spoken(text, verb.facts)
    if (rest.includes('--help') || rest.includes('-h')) {
      print(json ? `${JSON.stringify(described(verb), null, 2)}\n` : helpText(verb, helpStyle()))
      return 0
    }
    const { settings, run } = verb.read(rest)
    const screen = openScreen({ quiet: settings.quiet, speak })
    const callOf = (given: readonly string[]): Call => ({
      screen,
      // Verbs that never ask for it are ended by Ctrl-C at once, as anyone expects.
      get signal() {
        const signal = interruption.cleanly((line) => screen.warn(line))
        // All runs at hand wait for it, however many.
        setMaxListeners(0, signal)
        return signal
      },
      // Reports show it.
      command: withoutPasswords(`holdfast ${words.join(' ')}`),
      words: given,
    })
    const command = () =>
      settings.device === 'auto'
        ? onFastest(rest, { ...settings, anew: name === 'doctor' }, screen, (given) =>
            verb.read(given).run(callOf(given)),
          )
        : run(callOf(rest))
    const { profile } = settings
    const answer = await (profile === undefined ? command() : profiled(profile, name, screen, command))
    const told = (key: string, value: unknown) =>
      key === 'notes' && Array.isArray(value) ? value.map((note) => speak(String(note))) : value
    print(json ? `${JSON.stringify(answer.json, told, 2)}\n` : `${speak(answer.text)}\n`)
    const { exitCode = 0 } = answer
    return exitCode === 1 ? (interruption.code ?? 1) : exitCode
  } catch (error) {
    const code = fail(error, json, rest.includes('--debug'), speak)
    const interrupted = error instanceof HoldfastError && error.code === 'interrupted'
    return interrupted ? (interruption.code ?? code) : code
  }
}

/** The words with `--device auto` settled once, so that all that is computed, here or elsewhere, is on one device. */
async function onFastest(
  words: readonly string[],
  { threads, anew }: { readonly threads?: number | undefined; readonly anew: boolean },
  screen: Screen,
  run: (words: readonly string[]) => Promise<Answer>,
): Promise<Answer> {
  const { fastestDevice, onChosen, withDevice } = await import('./auto-device.ts')
  const choice = await fastestDevice({ threads, anew, say: screen.say })
  screen.say(choice.why)
  return onChosen(choice, (device) => run(withDevice(words, device)), screen.warn)
}

/** Does a command, and writes down where its time goes. */
async function profiled(
  path: string,
  verb: string,
  screen: Screen,
  command: () => Promise<Answer>,
): Promise<Answer> {
  const { openProfile, timesLine } = await import('./profile/index-files.ts')
  const profile = await openProfile(path, verb)
  const whole = `holdfast ${verb}`
  try {
    return await profile.span(whole, command, {})
  } finally {
    screen.say(timesLine(path, profile.end(), whole))
  }
}

/** A verb for programs. */
const described = ({ name, summary, examples, schema }: Verb) => ({
  verb: name,
  summary,
  examples,
  settings: z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' }),
})

const WIDEST_HELP = 110

const helpStyle = () => ({
  colour: process.stdout.isTTY === true && !process.env.NO_COLOR,
  width: Math.min(WIDEST_HELP, process.stdout.columns ?? WIDEST_HELP),
})

function unknownVerb(name: string): UsageError {
  return new UsageError(
    'verb-unknown',
    `There is no verb "${name}"; known are ${verbNames.join(', ')}.${didYouMean(name, verbNames)}`,
  )
}

function fail(error: unknown, json: boolean, debug: boolean, speak: (text: string) => string): number {
  const known = error instanceof HoldfastError
  const message = speak(error instanceof Error ? error.message : String(error))
  const code = known ? error.code : 'unexpected'
  const hint = known || debug ? '' : ' This is a fault of Holdfast; --debug shows where it comes from.'
  process.stderr.write(`error (${code}): ${visible(message)}${hint}\n`)
  if (debug && error instanceof Error) process.stderr.write(`${chain(error)}\n`)
  if (json) print(`${JSON.stringify({ error: { code, message } }, null, 2)}\n`)
  return 1
}

const chain = (error: Error): string =>
  `${error.stack ?? error.message}${error.cause instanceof Error ? `\ncaused by ${chain(error.cause)}` : ''}`
