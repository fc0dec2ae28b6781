import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { randomStream } from '../../src/index.ts'

/** Texts with what the user wants. */
export interface Utterance {
  readonly text: string
  readonly label: string
}

/** Utterances of the domains that a model knows, and of one that is new. */
export interface Intents {
  readonly name: string
  readonly old: { readonly train: readonly Utterance[]; readonly test: readonly Utterance[] }
  readonly fresh: { readonly train: readonly Utterance[]; readonly test: readonly Utterance[] }
}

/** Three domains of CLINC150 and a fourth, where `HOLDFAST_DATA` has it. */
export function clincIntents(folder: string): Intents {
  const domains = JSON.parse(readFileSync(join(folder, 'domains.json'), 'utf8')) as Record<string, string[]>
  const of = (names: readonly string[]) => {
    const intents = new Set(names.flatMap((name) => domains[name] ?? []))
    const part = (split: string) =>
      readFileSync(join(folder, `${split}.jsonl`), 'utf8')
        .split('\n')
        .flatMap((line): Utterance[] => (line === '' ? [] : [JSON.parse(line)]))
        .filter(({ label }) => intents.has(label))
    return { train: part('train'), test: part('test') }
  }
  return { name: 'CLINC150', old: of(['banking', 'travel', 'work']), fresh: of(['kitchen_and_dining']) }
}

const openers = ['', 'please', 'hey', 'ok', 'can you', 'could you', 'i want you to', 'i need you to']
const endings = ['', 'please', 'now', 'today', 'right away', 'for me', 'thanks', 'if you can']

/** An intent's ways to begin and to end. */
type Pattern = readonly [readonly string[], readonly string[]]

const bankAndTravel: Readonly<Record<string, Pattern>> = {
  balance: [
    ['tell me', 'show', 'check', 'look up'],
    ['my balance', 'how much money i have', 'what is left on my card', 'the state of my account'],
  ],
  transfer: [
    ['send', 'transfer', 'move', 'wire'],
    ['money to my sister', 'fifty euros to savings', 'the rent to my landlord', 'money to that account'],
  ],
  freeze_account: [
    ['freeze', 'block', 'stop', 'lock'],
    ['my account', 'my card', 'all payments', 'the card i lost'],
  ],
  book_flight: [
    ['book', 'reserve', 'find', 'get me'],
    ['a flight to rome', 'a seat to oslo', 'a plane to my sister', 'tickets to paris'],
  ],
  lost_luggage: [
    ['find', 'look for', 'report', 'track'],
    ['my lost suitcase', 'the bag that is missing', 'my luggage from rome', 'the suitcase i lost'],
  ],
  exchange_rate: [
    ['tell me', 'check', 'look up', 'find'],
    ['what a euro is in dollars', 'the rate for yen', 'how many pounds i get', 'the price of dollars'],
  ],
}
const home: Readonly<Record<string, Pattern>> = {
  lights: [
    ['turn on', 'switch off', 'dim', 'check'],
    ['the lights', 'the lamp in the hall', 'the light in my room', 'all lamps'],
  ],
  thermostat: [
    ['set', 'raise', 'lower', 'check'],
    ['the heating', 'the thermostat', 'how warm my room is', 'the temperature in the hall'],
  ],
  play_music: [
    ['play', 'start', 'find', 'get me'],
    ['some music', 'my favourite song', 'the radio', 'a song for my sister'],
  ],
}

/** A small corpus made of patterns; no text stands in it twice. */
export function madeUpIntents(): Intents {
  const random = randomStream(1, 'intents')
  const of = (patterns: Readonly<Record<string, Pattern>>) => {
    const parts = Object.entries(patterns).map(([label, [heads, tails]]) => {
      const texts = openers.flatMap((opener) =>
        heads.flatMap((head) =>
          tails.flatMap((tail) => endings.map((ending) => `${opener} ${head} ${tail} ${ending}`.trim())),
        ),
      )
      const order = random.permutation(texts.length)
      const rows = Array.from(order, (at) => ({ text: texts[at] ?? '', label }))
      return { train: rows.slice(0, 60), test: rows.slice(60, 180) }
    })
    return { train: parts.flatMap(({ train }) => train), test: parts.flatMap(({ test }) => test) }
  }
  return { name: 'made up', old: of(bankAndTravel), fresh: of(home) }
}
