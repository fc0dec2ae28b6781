import type { Dataset } from '../data/dataset.ts'
import { type Judge, openJudge } from '../evaluate/judge.ts'
import type { OpenReader } from '../evaluate/reader.ts'
import type { MethodState, TaskContext } from '../methods/method.ts'
import { widerDiagonal } from '../model/heads/index.ts'
import type { Model } from '../model/model.ts'
import type { Context } from './context.ts'
import { activatedAt, type Prover, proverOf } from './prover.ts'
import {
  openPastReader,
  partOf,
  pastOf,
  type Rung,
  type Summed,
  summedRows,
  trainedModel,
  trialMethod,
  updateTasks,
} from './recipes/index.ts'
import { batchOf, placeOf } from './trial-place.ts'

/** What a rung trains and is judged on: the part of the model that trains, and rows as that part reads them. */
export interface Ground {
  readonly rung: Rung
  /** With outputs for the new classes, too. */
  readonly widened: Model
  readonly exemplars: Dataset | undefined
  readonly order: Dataset | undefined
  /** What the part answers for the old rows that prove. */
  readonly prove: Prover
  readonly choose: Dataset
  readonly judge: Judge
  /** The old model's answers, for the method. */
  readonly reader: OpenReader
  /** What the method remembers of the old model. */
  readonly past: MethodState
  readonly task: TaskContext
  /** What heads are worked out from, made when it is first asked for. */
  readonly summed: () => Promise<Summed>
  dispose(): Promise<void>
}

/** Runs what lies below the rung's part once for each row, and opens the part. */
export async function openGround(context: Context, rung: Rung): Promise<Ground> {
  const { options, parts, oldClasses, method } = context
  const { engine, widened: whole, data } = options
  const rows = (dataset: Dataset): Promise<Dataset> => context.trunk.rowsAt(rung, dataset)
  const some = async (dataset: Dataset | undefined) => dataset && (await rows(dataset))
  const widened = partOf(rung, whole)
  const classes = whole.classes.length
  const trained = async (dataset: Dataset) => rows(await context.views(rung, dataset))
  const lesson = {
    train: await trained(data.train),
    exemplars: parts.exemplars && (await trained(parts.exemplars)),
    unlabelled: await some(data.unlabelled),
  }
  const tasks = updateTasks(lesson, { oldClasses, classes, batchSize: batchOf(options) })
  const reader = openPastReader(engine, widened, classes)
  const judge = openJudge(engine, widened, classes)
  const above = activatedAt(
    { engine, model: options.model, rung, own: judge },
    parts.proof?.above,
    context.above,
  )
  const heads = {
    engine,
    model: widened,
    oldClasses,
    train: tasks.now.train,
    exemplars: lesson.exemplars,
    sums: data.sums,
  }
  let summed: Promise<Summed> | undefined
  const { lora, updates, fisher, seed = 0 } = options
  const remembered = trialMethod(method, options.methodOptions ?? {}, placeOf(context, 0, rung))
  const trains =
    lora && !updates ? trainedModel({ lora, select: { kind: 'all' }, seed }, widened).model : widened
  return {
    ...{ rung, widened, judge, reader },
    exemplars: lesson.exemplars,
    order: await some(parts.order),
    prove: proverOf(judge, await some(parts.proof?.inputs), above),
    choose: await rows(parts.choose),
    past: await pastOf(remembered.method, {
      ...{ engine, model: trains, task: tasks.past, reader, seed },
      fisher: fisher && widerDiagonal(whole, fisher),
    }),
    task: tasks.now,
    summed: () => (summed ??= summedRows(heads)),
    dispose: async () => {
      await judge.dispose()
      await reader.dispose()
    },
  }
}
