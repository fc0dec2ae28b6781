import { type RunPlan, SELF } from '../train/plan/index.ts'
import type { Read } from './places.ts'

/** What flags name in place of a configuration. */
interface BySaid {
  readonly data?: string | undefined
  readonly unlabelled?: string | undefined
  readonly old?: string | undefined
  readonly model?: string | undefined
}

/** The files and folders that a plan names, each by the flag that named it, else by its place in the configuration. */
export function planReads({ data, model, stream }: RunPlan, asked: BySaid): readonly Read[] {
  const sources =
    stream.kind === 'list'
      ? stream.tasks.map(({ source }, at) => ({ flag: `stream.tasks.${at}.source`, path: source }))
      : [{ flag: asked.data === undefined ? 'data.source' : '--data', path: asked.data ?? data.source }]
  return [
    ...sources.map((each) => ({ ...each, is: 'data' as const })),
    {
      flag: asked.unlabelled === undefined ? 'data.unlabelled' : '--unlabelled',
      path: data.unlabelled,
      is: 'data',
    },
    { flag: 'data.tokenizer', path: data.tokenizer, is: 'data' },
    ...(data.vocabulary?.texts ?? []).map((path, at) => ({
      ...{ flag: `data.vocabulary.texts.${at}`, path, is: 'data' as const },
    })),
    {
      flag: asked.old === undefined ? 'model.old' : '--old',
      path: model.kind === 'onnx' && model.old !== SELF ? model.old : undefined,
      is: 'data',
    },
    {
      flag: asked.model === undefined ? 'model.path' : '--model',
      path: model.kind === 'onnx' ? (asked.model ?? model.path) : undefined,
      is: 'model',
    },
  ]
}
