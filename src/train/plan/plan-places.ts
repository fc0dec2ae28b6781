import type { RunPlan } from './plan.ts'
import { isNamed, SELF } from './source-names.ts'

/** A plan with other paths in place of those of all files that it names. Data sets known by name stay. */
export function withPlaces(plan: RunPlan, file: (path: string) => string): RunPlan {
  const { data, model, stream, distil } = plan
  const source = (name: string) => (isNamed(name) ? name : file(name))
  return {
    ...plan,
    data: {
      ...data,
      source: source(data.source),
      ...(data.unlabelled !== undefined && { unlabelled: source(data.unlabelled) }),
      ...(data.tokenizer !== undefined && { tokenizer: file(data.tokenizer) }),
      ...(data.vocabulary?.texts && {
        vocabulary: { ...data.vocabulary, texts: data.vocabulary.texts.map(file) },
      }),
    },
    model:
      model.kind === 'onnx'
        ? {
            ...model,
            path: file(model.path),
            ...(model.old !== undefined && model.old !== SELF && { old: file(model.old) }),
            ...(model.adapter !== undefined && { adapter: file(model.adapter) }),
          }
        : model,
    stream:
      stream.kind === 'list'
        ? { ...stream, tasks: stream.tasks.map((task) => ({ ...task, source: source(task.source) })) }
        : stream,
    ...(distil && {
      distil: {
        ...distil,
        teachers: distil.teachers.map(file),
        ...(distil.unlabelled !== undefined && { unlabelled: source(distil.unlabelled) }),
      },
    }),
  }
}
