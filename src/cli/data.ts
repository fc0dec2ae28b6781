import { z } from 'zod'
import { getDataset, listDatasets, verifyDataset } from '../data/catalogue/index-files.ts'
import { showDownload } from './data-notes.ts'
import { fromText } from './flags/index.ts'
import { type Answer, type Call, defineVerb } from './verb.ts'

const settings = z
  .object({
    action: fromText(z.enum(['list', 'get', 'verify'])).meta({
      argument: true,
      description: 'list, get or verify',
      hint: 'ACTION',
    }),
    name: fromText(z.string().min(1))
      .optional()
      .meta({ argument: true, description: 'Which data set', hint: 'NAME' }),
  })
  .refine(({ action, name }) => action === 'list' || name !== undefined, {
    error: 'Say the name of a data set. Known ones: holdfast data list',
  })

/** `holdfast data`: data sets known by name. */
export const data = defineVerb({
  name: 'data',
  examples: ['holdfast data list', 'holdfast data get mnist', 'holdfast data verify mnist'],
  settings,
  run: async ({ action, name = '' }, call) => {
    if (action === 'list') return list()
    return action === 'get' ? get(call, name) : verify(name)
  },
})

async function list(): Promise<Answer> {
  const datasets = await listDatasets()
  const width = Math.max(...datasets.map(({ name }) => name.length))
  return {
    json: { datasets },
    text: datasets
      .map(
        ({ name, description, folder }) =>
          `${name.padEnd(width)}  ${description}\n${' '.repeat(width)}  ${folder ?? 'not on this machine'}`,
      )
      .join('\n'),
  }
}

async function get(call: Call, name: string): Promise<Answer> {
  const { signal } = call
  const folder = await getDataset(name, { onProgress: showDownload(call.screen), signal })
  call.screen.draw([])
  return { json: { name, folder }, text: `${name}: ${folder}` }
}

async function verify(name: string): Promise<Answer> {
  const files = await verifyDataset(name)
  const whole = files.length > 0 && files.every(({ state }) => state === 'whole')
  return {
    json: { name, whole, files },
    text:
      files.length === 0
        ? `${name} has no published checksums, so there is nothing to verify.`
        : files
            .map(
              (file) =>
                `${file.state.padEnd(7)}  ${file.path ?? file.name}${file.problem ? `\n         ${file.problem}` : ''}`,
            )
            .join('\n'),
    exitCode: whole ? 0 : files.length === 0 ? 3 : 1,
  }
}
