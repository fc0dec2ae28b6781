import { z } from 'zod'
import { bounds } from '../data/bounds.ts'
import { type Device, devices, insteadOfDevices } from '../engine/index.ts'
import { UsageError } from '../errors.ts'
import type { Verdict } from '../measure/verdict.ts'
import {
  type FlagFacts,
  factsOf,
  fromText,
  group,
  on,
  path,
  readSettings,
  type Settings,
} from './flags/index.ts'
import { type Outputs, withOutputs } from './outputs.ts'
import type { Screen } from './screen.ts'
import { summaries, type VerbName } from './summaries.ts'

/** What a verb is run with beside its settings. */
export interface Call {
  readonly screen: Screen
  /** Aborted by the first Ctrl-C. */
  readonly signal: AbortSignal
  /** The command line, to be shown in reports. */
  readonly command: string
  /** The words behind the verb, as they were typed. */
  readonly words: readonly string[]
}

/** What a verb answers: one object for machines, lines for people. */
export interface Answer {
  readonly json: unknown
  readonly text: string
  /** 0 done or passed; 1 usage error, crash or stopped; 2 gate failed; 3 inconclusive. Default 0. */
  readonly exitCode?: 0 | 1 | 2 | 3 | undefined
}

/** What a verb exits with after a verdict. */
export const verdictCodes = { pass: 0, fail: 2, inconclusive: 3 } as const satisfies Record<
  Verdict,
  Answer['exitCode']
>

/** The flags of every verb. */
export const commonSettings = z.object(
  group('Every verb', {
    seed: fromText(z.int().min(0)).optional().meta({ description: 'Seed of everything random' }),
    threads: fromText(bounds.threads())
      .optional()
      .meta({ description: 'Threads of the runtime', otherwise: 'the physical cores' }),
    device: fromText(z.enum(['auto', ...devices]).meta({ instead: insteadOfDevices }))
      .optional()
      .meta({
        description: 'Where to compute; auto: on what is fastest; +cpu: what it has no kernel for on the CPU',
        otherwise: 'cpu',
      }),
    profile: path('FILE.json').optional().meta({
      description: 'Write down where the time goes, for https://ui.perfetto.dev',
    }),
    json: on().meta({ description: 'Print one JSON object on stdout, and nothing else there' }),
    quiet: on().meta({ description: 'No progress; warnings and errors only' }),
    debug: on().meta({ description: 'Show where errors come from' }),
    help: on().meta({ description: 'Show this help; with --json the settings as JSON Schema', alias: 'h' }),
  }),
)

type Said = z.output<typeof commonSettings>

/** With `--device auto` settled. */
export type CommonSettings = Omit<Said, 'device'> & { readonly device?: Device | undefined }

/** A verb: its settings are one schema, from which flags, help, defaults, JSON and documents come. */
export interface Verb {
  readonly name: VerbName
  readonly summary: string
  /** Commands that work as they stand. */
  readonly examples: readonly string[]
  readonly facts: readonly FlagFacts[]
  /** All settings, those of every verb too. */
  readonly schema: z.ZodObject
  /**
   * Understands the words behind the verb; what comes back runs it.
   *
   * @throws UsageError as {@link readSettings}.
   */
  read(words: readonly string[]): {
    readonly settings: Said
    /** @throws UsageError `device-unsettled` for `--device auto`, which whoever calls this says as a device first. */
    readonly run: (call: Call) => Promise<Answer>
  }
}

interface Definition<Schema extends Settings> extends Pick<Verb, 'examples'> {
  readonly name: VerbName
  readonly settings: Schema
  readonly run: (settings: z.output<Schema> & CommonSettings, call: Call, outputs: Outputs) => Promise<Answer>
}

/** @example defineVerb({ name: 'data', examples, settings: z.object({ … }), run: async (settings, call) => … }) */
export function defineVerb<Schema extends Settings>(definition: Definition<Schema>): Verb {
  const { name, examples, settings, run } = definition
  const own = factsOf(settings)
  const facts = [...own, ...factsOf(commonSettings).filter(({ key }) => !(key in settings.shape))]
  const schema = z.intersection(settings, commonSettings)
  return {
    name,
    summary: summaries[name],
    examples,
    facts,
    schema: z.object({ ...commonSettings.shape, ...settings.shape }),
    read: (words) => {
      const said = readSettings({ name, examples }, schema, facts, words)
      return {
        settings: said,
        run: (call) => withOutputs(async (outputs) => run(settled(said), call, outputs)),
      }
    },
  }
}

function settled<Given extends Said>(said: Given): Given & CommonSettings {
  const { device } = said
  if (device !== 'auto') return { ...said, device }
  throw new UsageError(
    'device-unsettled',
    'auto stands for the fastest device of the machine where a command is typed; give --device cpu or another one here.',
  )
}
