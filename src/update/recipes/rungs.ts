import { ModelError } from '../../errors.ts'
import { type Cut, cutsOf, headCut, modelAbove, type Place, worthwhileCuts } from '../../evaluate/index.ts'
import { linearHead } from '../../methods/closed-form/index.ts'
import { foldedConvs, type LoraOptions, type Selection } from '../../model/adapters/index.ts'
import type { Model } from '../../model/model.ts'
import type { Protection } from './trial-method.ts'

/** Rungs of the ladder, from the cheapest to the dearest. */
export const rungNames = ['closed-form', 'head', 'above', 'whole'] as const
export type RungName = (typeof rungNames)[number]

/** One way to train: what trains, on what, and how long. */
export interface Rung {
  readonly name: RungName
  /** In words: 'the head', 'above /stage2/Relu', 'everything'. */
  readonly place: string
  readonly protection: Protection
  /** Learning rates that are tried, where none is asked for: what is cheap is tried several times. */
  readonly rates: readonly number[]
  /** Passes over the new rows, and the steps that these are at least and at most, where none are asked for. */
  readonly passes: { readonly epochs: number; readonly least: number; readonly most: number }
  /** Whether batch norms take each batch's statistics, those that the export folded, too. */
  readonly follows: boolean
  /** What trains lies above it; undefined where all of the model may train. */
  readonly cut: Place | undefined
}

export interface LadderOptions {
  /** The model that is updated. */
  readonly model: Model
  /** Rungs to climb; default all that the model has. */
  readonly rungs?: readonly RungName[] | undefined
  readonly select?: Selection | undefined
  readonly lora?: LoraOptions | undefined
  /** Low-rank updates that are parameters of the model: they and the head are what trains. */
  readonly updates?: readonly string[] | undefined
  /** Of a row of the data. */
  readonly rowDims: readonly number[]
  /** Whether there is something to work a head out from: classes to add, and old rows or their sums beside. */
  readonly closedForm: boolean
  /** Rows whose activations would be kept. */
  readonly rows: number
  /** Whether batch norms follow where layers below the head train. Default false. */
  readonly follows?: boolean | undefined
}

/** The part of a model that a rung trains. */
export const partOf = ({ cut }: Pick<Rung, 'cut'>, model: Model): Model =>
  cut ? modelAbove(model, cut) : model

type Recipe = Pick<Rung, 'protection' | 'rates' | 'passes' | 'follows'>

/** How each rung rehearses, how fast and for how long; measured by `bench/update-cifar.ts` and `bench/update-streams.ts`. */
const recipes = ({ model, follows = false }: LadderOptions): Readonly<Record<RungName, Recipe>> => {
  // Where layers are normed by rows, as in transformers, a tenth of the rate is what does not tear them apart.
  const normed = model.graph.nodes.some(({ op }) => /Layer(Norm|Normalization)$|RMSNorm/.test(op))
  const rate = normed ? 1e-4 : follows && hasNorms(model) ? 1e-3 : 5e-4
  return {
    'closed-form': {
      protection: { replay: 0, distillation: 0 },
      rates: [],
      passes: { epochs: 0, least: 0, most: 0 },
      follows: false,
    },
    head: {
      protection: { replay: 2, distillation: 1 },
      rates: [3e-2, 1e-2, 3e-3],
      passes: { epochs: 60, least: 600, most: 3000 },
      follows: false,
    },
    above: {
      protection: { replay: 1, distillation: 1 },
      rates: [rate],
      passes: { epochs: 4, least: 100, most: 20_000 },
      follows,
    },
    whole: {
      protection: { replay: 1, distillation: 1 },
      rates: [rate],
      passes: { epochs: 8, least: 200, most: 20_000 },
      follows,
    },
  }
}

/** Whether there are batch norms, or convolutions that some were folded into. */
const hasNorms = (model: Model): boolean =>
  model.graph.nodes.some(({ op }) => op === 'BatchNormalization') || foldedConvs(model).length > 0

/** The rungs that an update may climb, in order: where the head alone may train, its own; where other layers are asked for, these alone. */
export function ladderFor(options: LadderOptions): Rung[] {
  const { rungs, select, lora } = options
  const whole: Rung = {
    name: 'whole',
    place: placeOf(options),
    ...recipes(options).whole,
    cut: undefined,
  }
  const asked = (ladder: readonly Rung[]): Rung[] =>
    ladder.filter(({ name }) => rungs === undefined || rungs.includes(name))
  const heads = [...closedFormRungs(options), ...headRungs(options)]
  if (!lora && select?.kind === 'head' && heads.some(({ name }) => name === 'head')) {
    // All that may train is the head, too, at the rates of the whole: only where that is asked for.
    return asked(rungs ? [...heads, whole] : heads)
  }
  if (lora || (select && select.kind !== 'all')) return [whole]
  return asked([...heads, ...aboveRungs(options), whole])
}

function placeOf({ select, lora, updates }: LadderOptions): string {
  if (lora) return 'low-rank updates'
  if (select && select.kind !== 'all') return select.kind
  return updates ? 'low-rank updates and the head' : 'everything'
}

/** What lies above a place in the graph, trained on stored activations (latent replay: Pellegrini et al. 2020, arXiv 1912.01100). */
const rungAt = (options: LadderOptions, name: RungName, place: string, cut: Place): Rung => ({
  name,
  place,
  ...recipes(options)[name],
  cut,
})

/** The head on stored features, where it can be taken alone; where it is all that there is, only if it is asked for. */
const headRungs = (options: LadderOptions): Rung[] =>
  whereFit(() => {
    const { model, select } = options
    const cut = headCut(model)
    const { parameters } = modelAbove(model, cut)
    const rung = rungAt(options, 'head', 'the head', cut)
    if (parameters.size < model.parameters.size) return [rung]
    return select?.kind === 'head' ? [{ ...rung, cut: undefined }] : []
  })

/** A head from sums, where it is linear in its features. */
const closedFormRungs = (options: LadderOptions): Rung[] =>
  whereFit(() => {
    const { model, closedForm } = options
    if (!closedForm) return []
    linearHead(model)
    const cut = headCut(model)
    const place = 'the head, in closed form'
    // A head that reads the inputs reads them as they are.
    const own = cut.values[0] === model.input.name
    return [{ ...rungAt(options, 'closed-form', place, cut), ...(own ? { cut: undefined } : {}) }]
  })

/** Rungs of a head, none where the model has none that they could be of. */
function whereFit(rungs: () => Rung[]): Rung[] {
  try {
    return rungs()
  } catch (error) {
    if (error instanceof ModelError) return []
    throw error
  }
}

const aboveRungs = (options: LadderOptions): Rung[] =>
  worthwhileCuts(cutsOf(options.model, options.rowDims), options).map((cut: Cut) =>
    rungAt(options, 'above', `above ${cut.values[0]}`, cut),
  )
