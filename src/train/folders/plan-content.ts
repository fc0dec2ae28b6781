import { isNamed, type RunPlan, SELF } from '../plan/index.ts'

/**
 * A plan without the places of files, which decide nothing: what lies there is told by the SHA-256 of the data. Two machines that
 * keep the same data in different folders have the same runs.
 */
export function planContent(plan: RunPlan): unknown {
  const { data, model, stream } = plan
  return {
    ...plan,
    data: {
      ...data,
      source: content(data.source),
      ...(data.unlabelled !== undefined && { unlabelled: content(data.unlabelled) }),
      ...(data.tokenizer !== undefined && { tokenizer: FILE }),
      ...(data.vocabulary?.texts && {
        vocabulary: { ...data.vocabulary, texts: data.vocabulary.texts.map(() => FILE) },
      }),
    },
    model:
      model.kind === 'onnx'
        ? {
            ...model,
            path: FILE,
            ...(model.old !== undefined && { old: model.old === SELF ? SELF : content(model.old) }),
            ...(model.adapter !== undefined && { adapter: FILE }),
          }
        : model,
    stream:
      stream.kind === 'list'
        ? { ...stream, tasks: stream.tasks.map((task) => ({ ...task, source: content(task.source) })) }
        : stream,
  }
}

const FILE = 'file'

const content = (source: string): string => (isNamed(source) ? source : FILE)
