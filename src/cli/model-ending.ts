import { UsageError } from '../errors.ts'

/**
 * Refuses a place for a model's file that does not end as one: what is read beside a model (`tokenizer.json`, labels) would be written
 * next to what looks like a folder of its own.
 *
 * @throws UsageError `out-ending`.
 */
export function checkModelEnding(path: string | undefined): void {
  if (path === undefined || /\.onnx$/i.test(path)) return
  const plain = path.replace(/(?<=[^\\/])[\\/]+$/, '')
  throw new UsageError(
    'out-ending',
    `-o ${path}: a model's file is written, and its name has to end in .onnx. Give -o ${plain}.onnx; or -o ${plain}/model.onnx, for a folder that holds what goes beside it, too.`,
  )
}
