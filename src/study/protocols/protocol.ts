import type { Device } from '../../engine/index.ts'
import type { MethodOptions } from '../../methods/registry.ts'
import type { BorderShape, Scenario } from '../../tasks/index.ts'
import type { PlanInput } from '../../train/plan/index.ts'

/** Settings of a run that a scenario or a method has instead of the protocol's. */
export interface ProtocolPart {
  /** Of methods; each takes those that it has. */
  readonly options?: MethodOptions | undefined
  readonly learningRate?: number | undefined
  readonly optimiser?: PlanInput['optimiser']
  readonly iterations?: number | undefined
  readonly epochs?: number | undefined
  readonly batchSize?: number | undefined
}

type ByMethod = Readonly<Record<string, ProtocolPart>>

interface ScenarioPart extends ProtocolPart {
  readonly methods?: ByMethod | undefined
}

type OfRun = 'name' | 'protocol' | 'method' | 'seed' | 'stream'

/** A stream's settings without its scenario. */
type OpenStream<Stream> = Stream extends unknown ? Omit<Stream, 'scenario'> : never

/** A way of measuring, as its file has it. */
export interface Protocol {
  readonly name: string
  readonly version: number
  /** Over its settings: the words that describe it left out, keys in order. */
  readonly sha256: string
  readonly title: string
  /** Where it comes from. */
  readonly source: string | undefined
  /** In which it makes sense. */
  readonly scenarios: readonly Scenario[]
  /** Of these, those that run unless others are asked for. */
  readonly usual: readonly Scenario[]
  /** How many the data have. */
  readonly classes: number | undefined
  /** A configuration without name, method, scenario and seed. */
  readonly run: Omit<PlanInput, OfRun> & { readonly stream: OpenStream<PlanInput['stream']> }
  /** Settings of the stream that are the run's seed. */
  readonly seeded: readonly string[]
  readonly options: MethodOptions
  readonly methods: ByMethod | undefined
  /** What is other in a scenario. */
  readonly in: Readonly<Partial<Record<Scenario, ScenarioPart>>> | undefined
  /** Where a file lies that it names. */
  readonly place: (path: string) => string
}

/** What a caller changes in a protocol; what is undefined stays as published. */
export interface ProtocolOverrides {
  readonly source?: string | undefined
  /** File of the model, where the protocol trains one that is given. */
  readonly model?: string | undefined
  readonly limit?: { readonly train: number; readonly test: number } | undefined
  readonly tasks?: number | undefined
  /** Of a stream whose borders nobody is told; what is undefined is the protocol's. */
  readonly borders?:
    | { readonly width?: number | undefined; readonly shape?: BorderShape | undefined }
    | undefined
  readonly iterations?: number | undefined
  readonly jointIterations?: number | undefined
  readonly batchSize?: number | undefined
  readonly learningRate?: number | undefined
  readonly hidden?: readonly number[] | undefined
  readonly optimiser?: 'sgd' | 'adam' | 'adamw' | 'rmsprop' | undefined
  readonly momentum?: number | undefined
  readonly evaluateEvery?: number | undefined
  readonly checkpointEvery?: number | undefined
  readonly threads?: number | undefined
  readonly device?: Device | undefined
  /** Options of methods; each method takes those that it has. */
  readonly options?: MethodOptions
}

/** What a protocol says for a model that has to be given. */
export const GIVEN = 'given'
