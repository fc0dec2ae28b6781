import { dirname, join } from 'node:path'
import { z } from 'zod'
import { parseConfig } from '../../data/config.ts'
import { readInputFiles } from '../../data/sidecar-files.ts'
import type { Engine } from '../../engine/engine.ts'
import { DataError } from '../../errors.ts'
import type { FromOnnxOptions } from '../../model/import/index.ts'
import { type LoadedModel, loadModel, modelFolder } from '../../model/import/index-files.ts'
import { foundAt, readBytes } from '../../tensor/reads-files.ts'
import { checkForm } from './decoding-graph.ts'
import { openTextWriter, type TextWriter } from './text.ts'

export interface WriterFileOptions extends Pick<FromOnnxOptions, 'output' | 'bind'> {
  /** A folder with tokenizer.json. Default that of the model. */
  readonly tokenizer?: string | undefined
  /** Whether a cache that the file has is used. Default true. */
  readonly cache?: boolean | undefined
}

/** A model's file, open for writing texts. */
export interface FileWriter extends TextWriter {
  readonly file: string
  /** How many tokens its tokenizer knows. */
  readonly known: number
  /** What was recognised or passed over in the files beside it, as sentences. */
  readonly notes: readonly string[]
}

/**
 * Opens a model's file, its tokenizer, and what generation_config.json says of the tokens that end a text.
 *
 * @param path An .onnx file, or a folder as transformers.js lays it out.
 * @throws DataError `tokenizer-missing`, `generation-config`; and what reading a model and a tokenizer throws, and `openTextWriter`.
 * @example
 * const writer = await openWriterFile(engine, 'smollm/onnx/model.onnx')
 * for await (const piece of writer.write('Once upon a time')) process.stdout.write(piece)
 * await writer.dispose()
 */
export async function openWriterFile(
  engine: Engine,
  path: string,
  options: WriterFileOptions = {},
): Promise<FileWriter> {
  const { output, bind } = options
  const loaded = await loadModel(path, { output, bind })
  return { ...(await openLoadedWriter(engine, loaded, options)), notes: loaded.notes }
}

/** The same of a model that is loaded already. */
export async function openLoadedWriter(
  engine: Engine,
  { model, file }: Pick<LoadedModel, 'model' | 'file'>,
  options: Pick<WriterFileOptions, 'tokenizer' | 'cache'> = {},
): Promise<Omit<FileWriter, 'notes'>> {
  const { cache } = options
  checkForm(model, file.path)
  const place = options.tokenizer ?? file.path
  const { tokenizer } = await readInputFiles(place, model.input)
  if (!tokenizer) {
    throw new DataError(
      'tokenizer-missing',
      `${options.tokenizer ?? modelFolder(file.path)}: there is no tokenizer.json, and without it a prompt does not become tokens. Put tokenizer.json and tokenizer_config.json beside the model, or name their folder (--tokenizer).`,
    )
  }
  const endTokens = await endTokensOf([...new Set([dirname(file.path), modelFolder(file.path)])])
  const writer = await openTextWriter(engine, model, tokenizer, { name: file.path, cache, endTokens })
  return { ...writer, file: file.path, known: tokenizer.size }
}

const generationConfig = z.looseObject({ eos_token_id: z.union([z.int(), z.array(z.int())]).nullish() })

async function endTokensOf(folders: readonly string[]): Promise<readonly number[]> {
  for (const folder of folders) {
    const path = join(folder, 'generation_config.json')
    if (!(await foundAt(path))) continue
    const text = new TextDecoder().decode(await readBytes(path, { way: 'Mend it or take it away.' }))
    const { eos_token_id: ends } = parseConfig(text, generationConfig, path, 'generation-config')
    return ends === undefined || ends === null ? [] : [ends].flat()
  }
  return []
}
