import { basename, dirname, join, resolve } from 'node:path'
import { foundAt, readBytes } from '../tensor/reads-files.ts'
import { decodeText } from './formats/index.ts'
import { type InputFacts, type InputSpec, inputSpec } from './images/index.ts'
import { createTokenizer, type TextTokenizer } from './text/index.ts'

/** How data are made into a model's input, from the files beside it. */
export interface InputFiles {
  readonly input: InputSpec
  /** Of models that read texts, where there is a tokenizer.json. */
  readonly tokenizer: TextTokenizer | undefined
  /** The text of that file. */
  readonly tokenizerJson: string | undefined
}

/**
 * Reads what lies beside a model: holdfast.json, preprocessor_config.json, tokenizer.json with tokenizer_config.json and config.json. A
 * model in a folder called `onnx` has them one folder up, as transformers.js lays them out.
 *
 * @param model The path of the model's file, or of the folder that holds these files.
 * @param facts The type and dims of the model's input.
 * @throws DataError `preprocessing-…`, `tokenizer-…`, naming file and field.
 * @example
 * const how = await readInputFiles('model/onnx/model.onnx', { type: 'float32', dims: ['batch', 3, 224, 224] })
 * const { train } = await readDataset('photos/', how)
 */
export async function readInputFiles(
  model: string,
  facts: Pick<InputFacts, 'type' | 'dims'>,
): Promise<InputFiles> {
  // A folder may have a dot in its name, as better.unproven and bge-small-en-v1.5 do: only the disk tells.
  const near = (await foundAt(model))?.isDirectory() ? model : dirname(model)
  const folders = basename(resolve(near)) === 'onnx' ? [near, join(near, '..')] : [near]
  const find = async (name: string): Promise<string | undefined> => {
    for (const folder of folders) {
      const text = await readIfThere(join(folder, name))
      if (text !== undefined) return text
    }
    return undefined
  }
  const [folder] = folders.slice(-1)
  const input = inputSpec({
    ...facts,
    folder,
    preprocessorConfig: await find('preprocessor_config.json'),
    holdfast: await find('holdfast.json'),
  })
  const tokenizer = input.kind === 'text' ? await find('tokenizer.json') : undefined
  return {
    input,
    tokenizerJson: tokenizer,
    tokenizer:
      tokenizer === undefined
        ? undefined
        : createTokenizer({
            tokenizer,
            tokenizerConfig: await find('tokenizer_config.json'),
            config: await find('config.json'),
            chatTemplate: await find('chat_template.jinja'),
            folder,
          }),
  }
}

async function readIfThere(path: string): Promise<string | undefined> {
  if ((await foundAt(path)) === undefined) return undefined
  return decodeText(await readBytes(path, { way: 'Mend it or take it away.' }), path)
}
